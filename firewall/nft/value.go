package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// An encoding is how values of a kind look in the kernel.
type encoding struct {
	datatype nftables.SetDatatype
	native   bool // in the machine's byte order rather than the network's
}

var encodings = map[firewall.Kind]encoding{
	firewall.KindIfname:     {datatype: nftables.TypeIFName, native: true},
	firewall.KindIfindex:    {datatype: nftables.TypeIFIndex, native: true},
	firewall.KindIPv4:       {datatype: nftables.TypeIPAddr},
	firewall.KindIPv6:       {datatype: nftables.TypeIP6Addr},
	firewall.KindPort:       {datatype: nftables.TypeInetService},
	firewall.KindProto:      {datatype: nftables.TypeInetProto},
	firewall.KindICMPType:   {datatype: nftables.TypeICMPType},
	firewall.KindICMPv6Type: {datatype: nftables.TypeICMP6Type},
	firewall.KindNFProto:    {datatype: nftables.TypeNFProto},
	firewall.KindPktType:    {datatype: nftables.TypePktType},
	firewall.KindCTState:    {datatype: nftables.TypeCTState, native: true},
	firewall.KindCTStatus:   {datatype: nftables.TypeCTStatus, native: true},
	firewall.KindTCPFlags:   {datatype: nftables.TypeTCPFlag},
	firewall.KindAddrType:   {datatype: nftables.TypeFIBAddr, native: true},
	// net/netfilter/nft_fib.c
	firewall.KindBool:  {datatype: sized(nftables.TypeBoolean, 4), native: true},
	firewall.KindByte:  {datatype: sized(nftables.TypeInteger, 1)},
	firewall.KindEther: {datatype: nftables.TypeEtherAddr},
}

// sized is a type whose length depends on the field.
func sized(t nftables.SetDatatype, size uint32) nftables.SetDatatype {
	t.Bytes = size
	return t
}

// encode gives the bytes of a single value.
func encode(kind firewall.Kind, v firewall.Value) ([]byte, error) {
	first, last, err := encodeBounds(kind, v)
	if err == nil && string(first) != string(last) {
		err = fmt.Errorf("expected one value, not %v", v)
	}
	return first, err
}

// encodeBounds gives the bytes of the first and last value that v stands for.
func encodeBounds(kind firewall.Kind, v firewall.Value) (first, last []byte, err error) {
	switch kind {
	case firewall.KindIfname:
		name := make([]byte, nftables.TypeIFName.Bytes)
		if len(v.Name) >= len(name) {
			return nil, nil, fmt.Errorf("interface name %q is too long", v.Name)
		}
		copy(name, v.Name)
		return name, name, nil
	case firewall.KindIPv4, firewall.KindIPv6:
		if !v.Prefix.IsValid() || v.Prefix.Addr().Is4() != (kind == firewall.KindIPv4) {
			return nil, nil, fmt.Errorf("address %v is of the wrong family", v.Prefix)
		}
		first, last = boundsOf(v.Prefix)
		return first, last, nil
	case firewall.KindEther:
		return nil, nil, errors.New("addresses of cards have no values")
	}
	return encodeNumber(kind, v.Lo), encodeNumber(kind, v.Hi), nil
}

func encodeNumber(kind firewall.Kind, n uint32) []byte {
	e := encodings[kind]
	if e.native {
		return binary.NativeEndian.AppendUint32(nil, n)
	}
	return binary.BigEndian.AppendUint32(nil, n)[4-e.datatype.Bytes:]
}

// boundsOf gives the first and the last address of a prefix.
func boundsOf(p netip.Prefix) (first, last []byte) {
	first = p.Masked().Addr().AsSlice()
	last = make([]byte, len(first))
	for i, mask := range maskOf(p) {
		last[i] = first[i] | ^mask
	}
	return first, last
}

func maskOf(p netip.Prefix) []byte { return firstBits(p.Bits(), p.Addr().BitLen()/8) }

// firstBits is a mask of that many bits in size bytes.
func firstBits(bits, size int) []byte {
	mask := make([]byte, size)
	for i := range bits {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return mask
}

package dhcpv6

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// Infinite is a time without an end: all ones on the wire, in seconds (RFC 8415 7.7).
const Infinite = math.MaxUint32 * time.Second

// An IA is an identity association: an IA_NA (RFC 8415 21.4) or an IA_PD (21.21).
type IA struct {
	ID     uint32
	T1, T2 time.Duration // whole seconds; 0: the client chooses
	// Options are addresses or prefixes (OptionIAAddr, OptionIAPrefix), and a status.
	Options Options
}

// An Address is one of an IA_NA (RFC 8415 21.6).
type Address struct {
	Addr             netip.Addr
	Preferred, Valid time.Duration // whole seconds
	Options          Options
}

// A Prefix is one of an IA_PD (RFC 8415 21.22).
type Prefix struct {
	Preferred, Valid time.Duration // whole seconds
	// Prefix is masked. In what a client sends it may be ::/0, or ::/n to ask for a length.
	Prefix  netip.Prefix
	Options Options
}

// short is the error of a value that is shorter than it may be.
func short(what string, b []byte, least int) error {
	return fmt.Errorf("%w: %s has %d bytes, %d at least", ErrOption, what, len(b), least)
}

// ReadIA reads the value of an IA_NA or IA_PD option. The error is ErrOption.
func ReadIA(b []byte) (ia IA, err error) {
	if len(b) < 12 {
		return IA{}, short("an identity association", b, 12)
	}
	ia = IA{ID: binary.BigEndian.Uint32(b), T1: seconds(b[4:]), T2: seconds(b[8:])}
	ia.Options, err = ReadOptions(b[12:])
	return ia, err
}

// Append appends the value.
func (ia *IA) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, ia.ID)
	b = AppendSeconds(AppendSeconds(b, ia.T1), ia.T2)
	return ia.Options.Append(b)
}

// ReadAddress reads the value of an IA Address option. The error is ErrOption.
func ReadAddress(b []byte) (a Address, err error) {
	if len(b) < 24 {
		return Address{}, short("an address", b, 24)
	}
	a = Address{Addr: netip.AddrFrom16([16]byte(b)), Preferred: seconds(b[16:]), Valid: seconds(b[20:])}
	a.Options, err = ReadOptions(b[24:])
	return a, err
}

// Append appends the value.
func (a *Address) Append(b []byte) []byte {
	addr := a.Addr.As16()
	b = AppendSeconds(AppendSeconds(append(b, addr[:]...), a.Preferred), a.Valid)
	return a.Options.Append(b)
}

// ReadPrefix reads the value of an IA Prefix option. The error is ErrOption, also for a
// length above 128.
func ReadPrefix(b []byte) (p Prefix, err error) {
	if len(b) < 25 {
		return Prefix{}, short("a prefix", b, 25)
	}
	p = Prefix{Preferred: seconds(b), Valid: seconds(b[4:])}
	if b[8] > 128 {
		return Prefix{}, fmt.Errorf("%w: a prefix of length %d, 128 at most", ErrOption, b[8])
	}
	p.Prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte(b[9:])), int(b[8])).Masked()
	p.Options, err = ReadOptions(b[25:])
	return p, err
}

// Append appends the value.
func (p *Prefix) Append(b []byte) []byte {
	b = append(AppendSeconds(AppendSeconds(b, p.Preferred), p.Valid), byte(p.Prefix.Bits()))
	addr := p.Prefix.Addr().As16()
	return p.Options.Append(append(b, addr[:]...))
}

func seconds(b []byte) time.Duration { return time.Duration(binary.BigEndian.Uint32(b)) * time.Second }

// ReadSeconds reads the value of an option that is a time.
func ReadSeconds(b []byte) (d time.Duration, ok bool) {
	if len(b) != 4 {
		return 0, false
	}
	return seconds(b), true
}

// AppendSeconds appends a time, which is cut to whole seconds from 0 to Infinite.
func AppendSeconds(b []byte, d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(min(max(d, 0), Infinite)/time.Second))
}

package leasefile

import (
	"bytes"
	"errors"
	"hash/crc32"
	"net/netip"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// header is the first line of every journal.
const (
	magic  = "gatehouse-leases "
	header = magic + "1\n"
)

// maxLine bounds a record: the longest real one has 162 bytes.
const maxLine = 256

// noName stands for an empty host name.
const noName = "-"

// appendRecord appends the line of l to b.
func appendRecord(b []byte, l lease.Lease) []byte {
	start := len(b)
	b = append(b, l.State.String()...)
	b = l.Addr.AppendTo(append(b, ' '))
	b = l.MAC.AppendTo(append(b, ' '))
	b = l.Since.UTC().AppendFormat(append(b, ' '), time.RFC3339Nano)
	b = l.Until.UTC().AppendFormat(append(b, ' '), time.RFC3339Nano)
	b = append(b, ' ')
	if l.Name == "" {
		b = append(b, noName...)
	}
	b = append(b, l.Name...)
	sum := checksum(b[start:])
	b = append(b, ' ')
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[sum>>shift&15])
	}
	return append(b, '\n')
}

// checksum is CRC-32C, which the processor computes.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// What can be wrong with a line.
var (
	errUnfinished = errors.New("the line has no end")
	errLong       = errors.New("the line is too long")
	errChecksum   = errors.New("the checksum does not match")
	errFields     = errors.New("the checksum matches but the fields make no sense")
)

// parseRecord reads a line without its newline.
func parseRecord(line []byte) (l lease.Lease, err error) {
	i := bytes.LastIndexByte(line, ' ')
	if i < 0 || len(line)-i != 9 {
		return l, errChecksum
	}
	sum, err := strconv.ParseUint(string(line[i+1:]), 16, 32)
	if err != nil || uint32(sum) != checksum(line[:i]) {
		return l, errChecksum
	}
	var f [6][]byte
	rest, more := line[:i], true
	for n := range f {
		if !more {
			return l, errFields
		}
		f[n], rest, more = bytes.Cut(rest, []byte{' '})
	}
	if more {
		return l, errFields
	}
	return parseFields(f)
}

func parseFields(f [6][]byte) (l lease.Lease, err error) {
	switch string(f[0]) {
	case lease.Bound.String():
		l.State = lease.Bound
	case lease.Free.String():
		l.State = lease.Free
	case lease.Declined.String():
		l.State = lease.Declined
	default:
		return l, errFields
	}
	var errs [4]error
	l.Addr, errs[0] = netip.ParseAddr(string(f[1]))
	errs[1] = l.MAC.UnmarshalText(f[2])
	l.Since, errs[2] = time.Parse(time.RFC3339Nano, string(f[3]))
	l.Until, errs[3] = time.Parse(time.RFC3339Nano, string(f[4]))
	if errors.Join(errs[:]...) != nil || !l.Addr.Is4() {
		return lease.Lease{}, errFields
	}
	if string(f[5]) != noName {
		l.Name = string(f[5])
	}
	return l, nil
}

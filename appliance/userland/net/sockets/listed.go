package sockets

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// EachRaw calls each for the raw sockets of a family in some states. Not every kernel lists them by
// sock_diag.
func EachRaw(family uint8, states uint32, each func(Inet)) error {
	file := "raw"
	if family == unix.AF_INET6 {
		file = "raw6"
	}
	return EachListed(file, func(s Inet) {
		if states&s.State.Bit() != 0 {
			each(s)
		}
	})
}

// EachListed calls each for the sockets of a file of /proc/net: tcp, tcp6, udp, udp6, raw, raw6. It says less
// than EachInet. Its protocol is that of raw ones, whatever the file.
func EachListed(file string, each func(Inet)) error {
	f, err := os.Open("/proc/thread-self/net/" + file)
	if errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
		return nil
	}
	if err != nil {
		return fmt.Errorf("list of sockets: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan() // the heads
	for lines.Scan() {
		s, err := parseListed(lines.Text())
		if err != nil {
			return fmt.Errorf("list of sockets: %s: %s: %w", file, strings.TrimSpace(lines.Text()), err)
		}
		if s.Family = unix.AF_INET; strings.HasSuffix(file, "6") {
			s.Family = unix.AF_INET6
		}
		each(s)
	}
	return lines.Err()
}

// parseListed reads a line: number, local, remote, state, sent:received, timer, retransmits, uid, timeout,
// inode.
func parseListed(line string) (s Inet, err error) {
	f := strings.Fields(line)
	if len(f) < 10 {
		return s, errors.New("expected ten fields")
	}
	s.Protocol = unix.IPPROTO_RAW
	number := func(text string, base int) uint32 {
		n, bad := strconv.ParseUint(text, base, 32)
		err = errors.Join(err, bad)
		return uint32(n)
	}
	local, bad1 := ParseEnd(f[1])
	remote, bad2 := ParseEnd(f[2])
	sent, received, _ := strings.Cut(f[4], ":")
	s.Local, s.Remote, s.State = local, remote, State(number(f[3], 16))
	s.Sent, s.Received, s.UID, s.Inode = number(sent, 16), number(received, 16), number(f[7], 10),
		number(f[9], 10)
	return s, errors.Join(err, bad1, bad2)
}

// ParseEnd reads ADDRESS:PORT of /proc/net, in hexadecimal digits; each four bytes of the address are a
// number of the machine's order.
func ParseEnd(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	b, err := hex.DecodeString(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for i := 0; i+4 <= len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.AddrPort{}, errors.New("expected an address")
	}
	return netip.AddrPortFrom(a, uint16(n)), nil
}

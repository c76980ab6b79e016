package proc

import (
	"bytes"
	"fmt"
	"strings"
)

// An Endpoint is an address of IP and a port. It has text of its own because package netip would be the
// largest part of what reads it.
type Endpoint struct {
	Address []byte // 4 or 16; nil: none
	Port    int
}

// Version is 4 or 6, of the socket: one of IPv6 may have an address of IPv4. 0: there is no address.
func (e Endpoint) Version() int {
	switch len(e.Address) {
	case 0:
		return 0
	case 4:
		return 4
	}
	return 6
}

// String is as lsof(8) has it: "*" for any address or port.
func (e Endpoint) String() string {
	host, port := "*", "*"
	if e.Port != 0 {
		port = fmt.Sprint(e.Port)
	}
	switch a := bytes.TrimPrefix(e.Address, []byte{10: 0xff, 11: 0xff}); {
	case len(bytes.Trim(a, "\x00")) == 0:
	case len(a) == 4:
		host = fmt.Sprintf("%d.%d.%d.%d", a[0], a[1], a[2], a[3])
	default:
		host = "[" + text6(a) + "]"
	}
	return host + ":" + port
}

// text6 writes an address of IPv6 (RFC 5952): "::" for the first of the longest runs of zeros.
func text6(a []byte) string {
	var words []string
	for i := 0; i < len(a); i += 2 {
		words = append(words, fmt.Sprintf("%x", int(a[i])<<8|int(a[i+1])))
	}
	from, most := 0, 1
	for i := range words {
		n := 0
		for i+n < len(words) && words[i+n] == "0" {
			n++
		}
		if n > most {
			from, most = i, n
		}
	}
	if most == 1 {
		return strings.Join(words, ":")
	}
	return strings.Join(words[:from], ":") + "::" + strings.Join(words[from+most:], ":")
}

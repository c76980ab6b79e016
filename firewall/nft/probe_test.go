package nft_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// A probe starts one conversation and returns the answer. It gives up when ctx ends.
type probe func(ctx context.Context, t *testing.T, l lab, from netns) (answer string, err error)

// errNoAnswer is what a probe says that does not wait for one.
var errNoAnswer = errors.New("no answer")

// converse runs talk on a socket that dial opens in a namespace.
func converse(ctx context.Context, t *testing.T, from netns, dial func() (net.Conn, error),
	talk func(net.Conn) (string, error)) (string, error) {
	var conn net.Conn
	var err error
	from.do(t, func() { conn, err = dial() })
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	return talk(conn)
}

// tcpTo connects and reads what the server says, which is our address as it sees it.
func tcpTo(addr string, port uint16) probe {
	return func(ctx context.Context, t *testing.T, _ lab, from netns) (string, error) {
		return converse(ctx, t, from,
			func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", target(addr, port)) },
			func(c net.Conn) (string, error) {
				var answer string
				_, err := fmt.Fscanln(c, &answer)
				return answer, err
			})
	}
}

// udpTo sends data of that size and reads the answer.
func udpTo(addr string, port uint16, size int) probe { return udpFrom("", addr, port, size) }

func udpFrom(source, addr string, port uint16, size int) probe {
	return func(ctx context.Context, t *testing.T, _ lab, from netns) (string, error) {
		dialer := net.Dialer{}
		if source != "" {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(source), 0))
		}
		return converse(ctx, t, from,
			func() (net.Conn, error) { return dialer.DialContext(ctx, "udp", target(addr, port)) },
			func(c net.Conn) (string, error) {
				if _, err := c.Write([]byte(strings.Repeat("x", size))); err != nil {
					return "", err
				}
				answer := make([]byte, 100)
				n, err := c.Read(answer)
				return string(answer[:n]), err
			})
	}
}

// pingTo sends an echo request and reads the reply. An ICMP error comes back as the errno that it means.
func pingTo(addr string) probe {
	network, request, reply := "ip4:icmp", byte(8), byte(0)
	if netip.MustParseAddr(addr).Is6() {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	return func(ctx context.Context, t *testing.T, l lab, from netns) (string, error) {
		id := binary.BigEndian.AppendUint32(nil, l.pings.Add(1)<<16) // a conversation of its own
		message := icmp(request, 0, id)
		checksumPayload(netip.Addr{}, netip.Addr{}, protoICMP, message) // the kernel does it for ICMPv6 only
		return converse(ctx, t, from,
			func() (net.Conn, error) { return net.Dial(network, addr) },
			func(c net.Conn) (string, error) {
				if _, err := c.Write(message); err != nil {
					return "", err
				}
				for answer := make([]byte, 100); ; {
					n, err := c.Read(answer)
					if err != nil {
						return "", err
					}
					if at := n - len(message); answer[at] == reply && bytes.Equal(answer[at+4:n], id) {
						return addr, nil
					}
				}
			})
	}
}

// then sends first and afterwards does second.
func then(first, second probe) probe {
	return func(ctx context.Context, t *testing.T, l lab, from netns) (string, error) {
		if _, err := first(ctx, t, l, from); !errors.Is(err, errNoAnswer) {
			return "", err
		}
		return second(ctx, t, l, from)
	}
}

// raw sends packets made by hand and waits for nothing.
func raw(packets ...[]byte) probe {
	return func(_ context.Context, t *testing.T, l lab, from netns) (string, error) {
		l.sendRaw(t, from, packets...)
		return "", errNoAnswer
	}
}

// A dhcpDiscover is as much of one as a firewall looks at.
func dhcpDiscover() []byte {
	return ip("0.0.0.0", "255.255.255.255", protoUDP, 64, udp(68, 67, "discover"))
}

// icmpError wraps the head of a packet that is said to have met an error.
func icmpError(src, dst string, typ, code uint8, about []byte) []byte {
	proto := uint8(protoICMP)
	if netip.MustParseAddr(src).Is6() {
		proto = protoICMPv6
	}
	return ip(src, dst, proto, 255, icmp(typ, code, append([]byte{0, 0, 0, 0}, about[:min(len(about), 48)]...)))
}

// routerAdvert makes a host of whoever believes it.
func routerAdvert(dst string) []byte {
	body := make([]byte, 12)
	body[0] = 64
	binary.BigEndian.PutUint16(body[2:], 1800)
	return ip("fe80::bad", dst, protoICMPv6, 255, icmp(134, 0, body))
}

func target(addr string, port uint16) string {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port).String()
}

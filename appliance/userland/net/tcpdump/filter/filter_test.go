package filter

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// resolver knows two names.
func resolver(name string) ([]netip.Addr, error) {
	switch name {
	case "web1":
		return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")}, nil
	case "none":
		return nil, nil
	}
	return nil, errors.New("no such host")
}

// packet is a UDP datagram from 10.0.0.1 to 10.0.0.2, from port 53 to 1000.
func packet() []byte {
	return []byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00" +
		"\x45\x00\x00\x1c\x00\x00\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02\x00\x35\x03\xe8\x00\x08\x00\x00")
}

func TestNames(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "host web1": true, "src web1": true, "dst host web1": false, "ip6 host web1": false, "ip host web1 and port domain": true,
	} {
		f, err := Compile(text, Options{Resolve: resolver})
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := f.Match(packet(), 42); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestErrors: what is wrong is said with its place.
func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"host none":          "column 6: none: it has no address",
		"tcp or host nosuch": "column 13: nosuch: no such host",
		"arp host 2001::1":   "column 10: 2001::1: arp has no IPv6 addresses",
		"net 10.0.0.1/24":    "column 5: 10.0.0.1: the address has bits that its mask has not",
		"ip[0:3] = 1":        "column 3: [: expected and, or, or the end",
		"tcp $ udp":          `column 5: '$' is no word of a filter`,
		"not ":               "column 5: the end: expected a condition",
		"port 80 and":        "column 12: the end: expected a condition",
		"mpls":               "column 1: mpls: expected a condition that this tcpdump knows",
	} {
		if _, err := Compile(text, Options{Resolve: resolver}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := Compile(strings.Repeat("(", 1000), Options{}); err == nil {
		t.Error("a thousand parentheses")
	}
	if _, err := Compile(strings.TrimSuffix(strings.Repeat("ip or ", 5000), "or "), Options{}); err == nil {
		t.Error("more than the kernel takes")
	}
}

// TestLinks: the same packet behind other headers, and for a socket.
func TestLinks(t *testing.T) {
	ip := packet()[14:]
	sll2 := append([]byte("\x08\x00\x00\x00\x00\x00\x00\x07\x00\x01\x04\x06\x02\x00\x00\x00\x00\x01\x00\x00"), ip...)
	sll := append([]byte("\x00\x04\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00"), ip...)
	for link, b := range map[Link][]byte{Ethernet: packet(), Raw: ip, SLL: sll, SLL2: sll2} {
		for text, want := range map[string]bool{
			"udp src port 53 and dst host 10.0.0.2": true, "tcp": false, "ip6": false, "arp": false, "udp[0:2] = 53": true, "len = 100 and ip[9] = 17": true,
		} {
			f, err := Compile(text, Options{Link: link})
			if err != nil {
				t.Errorf("%d %s: %v", link, text, err)
			} else if f.Match(b, 100) != want {
				t.Errorf("%d %s: %v", link, text, !want)
			}
			if f, err = Compile(text, Options{Link: link, Socket: true}); err != nil {
				t.Error(err)
			} else if _, err := bpf.Assemble(f.Instructions()); err != nil {
				t.Error(err)
			}
		}
	}
	for text, want := range map[string]bool{"outbound": true, "inbound": false, "ifindex 7": true, "broadcast": false} {
		if f, err := Compile(text, Options{Link: SLL2}); err != nil || f.Match(sll2, len(sll2)) != want {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

// TestFar: jumps over more than a conditional one reaches.
func TestFar(t *testing.T) {
	var all []string
	for i := range 150 {
		all = append(all, fmt.Sprintf("src host 10.0.1.%d", i))
	}
	for last, want := range map[string]bool{"host 10.0.0.1": true, "host 10.0.0.9": false} {
		f, err := Compile("udp and ("+strings.Join(all, " or ")+" or "+last+")", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Instructions()) < 512 || f.Match(packet(), 42) != want {
			t.Errorf("%s: %d instructions, want %v", last, len(f.Instructions()), want)
		}
	}
}

// FuzzFilter: whatever is asked for, it is refused with a place in the text, or the kernel could take it, and
// it ends.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"tcp port 80 or 443", "vlan 5 and not (host 10.0.0.1 or net 10/8)", "tcp[((tcp[12] & 0xf0) >> 2):4] = 1", "ether src 2:0:0:0:0:1",
		"len - 14 > ip[2:2] / ip[0]", "portrange ssh-http", `ip proto \tcp`, "((((tcp", "not not !arp && ip6 net 2001:db8::/32"} {
		f.Add(s, uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, link uint8) {
		for _, socket := range []bool{false, true} {
			f, err := Compile(text, Options{Link: Link(link % 4), Socket: socket, Resolve: resolver})
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Column < 1 || e.Column > len(text)+1 || e.Problem == "" {
					t.Fatalf("%q: %v", text, err)
				}
				continue
			}
			if _, err := bpf.Assemble(f.Instructions()); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if !socket {
				f.Match(packet(), 42)
				f.Match(packet()[:20], 42)
				f.Match(nil, 0)
			}
		}
	})
}

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// What everybody serves, and what is asked behind them.
const (
	domain  = "net.example"
	outside = "example.org"
	ttl     = 3600 // seconds: nothing runs out while it is measured
)

// Types and results of DNS, as far as they are asked for here.
const (
	typeA    = 1
	typePTR  = 12
	typeAAAA = 28

	noError  = 0
	nxDomain = 3
)

// A host is one of the house.
type host struct {
	name   string // without the domain
	v4, v6 netip.Addr
}

// hostAt returns the i-th host.
func hostAt(i int) host {
	var v4 [4]byte
	binary.BigEndian.PutUint32(v4[:], 10<<24|1<<16+uint32(i))
	v6 := netip.MustParseAddr("fd00:0:0:1::").As16()
	binary.BigEndian.PutUint32(v6[12:], uint32(i+1))
	return host{fmt.Sprintf("host-%d", i), netip.AddrFrom4(v4), netip.AddrFrom16(v6)}
}

// A question is one that is asked, with what is to come of it.
type question struct {
	name  string
	typ   uint16
	rcode int
	least int // records of the answer
}

// houseQuestions are n for a house of so many hosts: half of them A, 30 % AAAA, 10 % PTR, 10 % names that do
// not exist. The order is by chance, and the same each time.
func houseQuestions(n, hosts int) []question {
	all := make([]question, n)
	for i := range all {
		h := hostAt(int(uint64(i) * uint64(hosts) / uint64(n)))
		q := question{name: h.name + "." + domain, typ: typeA, rcode: noError, least: 1}
		switch i % 10 {
		case 1, 4, 7:
			q.typ = typeAAAA
		case 5:
			q.typ, q.name = typePTR, reverse(h.v4)
		case 9:
			q = question{name: "nobody-" + h.name + "." + domain, typ: typeA, rcode: nxDomain}
		}
		all[i] = q
	}
	return shuffled(all)
}

// outsideQuestions are one for each of n names outside.
func outsideQuestions(n int) []question {
	all := make([]question, n)
	for i := range all {
		all[i] = question{name: outsideName(i), typ: typeA, rcode: noError, least: 1}
		if alias(i) {
			all[i].least = 2
		}
	}
	return shuffled(all)
}

func shuffled(all []question) []question {
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// outsideName returns the i-th name outside. Every fourth is an alias.
func outsideName(i int) string { return fmt.Sprintf("www-%d.%s", i, outside) }

func alias(i int) bool { return i%4 == 3 }

// writeOutside writes the zone of n names outside.
func writeOutside(w io.Writer, n int) {
	writeHead(w, outside, wire.RelayAddr)
	for i := range n {
		name := fmt.Sprintf("www-%d", i)
		if alias(i) {
			fmt.Fprintf(w, "%s CNAME edge-%d\n", name, i)
			name = fmt.Sprintf("edge-%d", i)
		}
		fmt.Fprintf(w, "%s A 198.51.%d.%d\n", name, 100+i/250, 1+i%250)
	}
}

// writeHouse writes the zone of n hosts.
func writeHouse(w io.Writer, n int) {
	writeHead(w, domain, wire.ServerAddr)
	for i := range n {
		h := hostAt(i)
		fmt.Fprintf(w, "%s A %s\n%[1]s AAAA %[3]s\n", h.name, h.v4, h.v6)
	}
}

// writeReverse writes the zone of their IPv4 addresses.
func writeReverse(w io.Writer, n int) {
	writeHead(w, "10.in-addr.arpa", wire.ServerAddr)
	for i := range n {
		h := hostAt(i)
		fmt.Fprintf(w, "%s. PTR %s.%s.\n", reverse(h.v4), h.name, domain)
	}
}

func writeHead(w io.Writer, zone, server string) {
	fmt.Fprintf(w, "$ORIGIN %s.\n$TTL %d\n", zone, ttl)
	fmt.Fprintf(w, "@ SOA ns.%s. hostmaster.%[1]s. 1 3600 900 604800 %d\n@ NS ns.%[1]s.\n", domain, ttl)
	if zone == domain {
		fmt.Fprintf(w, "ns A %s\n", server)
	}
}

// reverse is the name of an IPv4 address.
func reverse(a netip.Addr) string {
	b := a.As4()
	slices.Reverse(b[:])
	return fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa", b[0], b[1], b[2], b[3])
}

// message is a question as a client sends it: with recursion, without EDNS, as glibc does.
func (q question) message(id uint16) []byte {
	m := binary.BigEndian.AppendUint16(nil, id)
	m = append(m, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for label := range strings.SplitSeq(q.name, ".") {
		m = append(append(m, byte(len(label))), label...)
	}
	m = append(m, 0)
	m = binary.BigEndian.AppendUint16(m, q.typ)
	return binary.BigEndian.AppendUint16(m, 1)
}

// messages are those of questions.
func messages(all []question) [][]byte {
	var m [][]byte
	for _, q := range all {
		m = append(m, q.message(0))
	}
	return m
}

// check says what is wrong with a reply.
func (q question) check(reply []byte) error {
	if len(reply) < 12 {
		return fmt.Errorf("%s: a reply of %d octets", q.name, len(reply))
	}
	rcode, answers := int(reply[3]&15), int(binary.BigEndian.Uint16(reply[6:]))
	if rcode != q.rcode || answers < q.least || reply[2]&2 != 0 {
		return fmt.Errorf("%s: result %d with %d records, not %d with %d or more", q.name, rcode, answers,
			q.rcode, q.least)
	}
	return nil
}

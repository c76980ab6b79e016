package dhcp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A listener stands beside a server and holds the rules against all that is said.
type listener struct {
	conf Config
	s    *Server
	now  time.Time
	book *book
	out  Outcome
}

func newListener(t testing.TB, conf Config) *listener {
	return &listener{conf: conf, s: newServer(t, conf), now: t0, book: newBook()}
}

// hear has the server decide about a message, and checks what it decided.
func (l *listener) hear(msg []byte) error {
	sent := bytes.Clone(msg)
	l.s.Handle(l.now, 0, lease.MAC{}, msg, &l.out)
	if l.out.Probe.IsValid() { // nobody answers the probe
		l.s.Probed(l.now, l.out.Subnet, l.out.Probe, false, lease.MAC{}, &l.out)
		l.s.Handle(l.now, 0, lease.MAC{}, msg, &l.out)
	}
	x := &said{conf: &l.conf, sub: &l.conf.Subnets[l.out.Subnet], now: l.now, in: message{raw: sent}, o: &l.out, book: l.book}
	return x.check()
}

// sites are the configurations that the rules must hold in.
func sites() []Config {
	fast := small()
	fast.Subnets[0].RapidCommit, fast.Subnets[0].Probe = true, time.Second
	full := everything()
	full.Subnets[0].Pool[0].Last = ip("192.168.32.104")
	return []Config{small(), fast, full, bootable()}
}

// TestRules has many clients of every temper say what clients say, in every state, and
// things that no client says, and holds the rules of the RFCs against every answer.
func TestRules(t *testing.T) {
	recorded := recordedRequests(t)
	answered := map[packet.MessageType]int{}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		l := newListener(t, sites()[seed%4])
		g := &gossip{r: r, recorded: recorded}
		for step := range 1500 {
			l.now = l.now.Add(time.Duration(r.IntN(90)) * time.Second)
			if r.IntN(100) == 0 {
				l.now = l.now.Add(13 * time.Hour)
			}
			msg := g.next(l)
			if err := l.hear(msg); err != nil {
				t.Fatalf("seed %d step %d: %v", seed, step, err)
			}
			answered[l.out.ReplyType]++
			g.heard(msg, l)
		}
	}
	for _, kind := range []packet.MessageType{0, packet.Offer, packet.ACK, packet.NAK} {
		if answered[kind] < 1000 {
			t.Errorf("only %d answers of type %d: the conversations are dull", answered[kind], kind)
		}
	}
}

// FuzzRules has the fuzzer talk to a server: bytes in, bytes out. Of what it says the
// first byte chooses the site; then each message is preceded by its length, two bytes,
// and by how long nothing was said before, one byte, in quarters of a minute.
func FuzzRules(f *testing.F) {
	requests := recordedRequests(f)
	for site := range sites() {
		l := newListener(f, sites()[site])
		g := &gossip{r: rand.New(rand.NewPCG(uint64(site), 10)), recorded: requests}
		said := []byte{byte(site)}
		for range 12 {
			msg := g.next(l)
			if err := l.hear(msg); err != nil {
				f.Fatal(err)
			}
			g.heard(msg, l)
			said = append(append(binary.BigEndian.AppendUint16(said, uint16(len(msg))), 1), msg...)
		}
		f.Add(said)
	}
	for _, msg := range requests {
		f.Add(append(append(binary.BigEndian.AppendUint16([]byte{3}, uint16(len(msg))), 0), msg...))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		if len(said) == 0 {
			return
		}
		l := newListener(t, sites()[said[0]%4])
		for said = said[1:]; len(said) >= 3; {
			n := min(int(binary.BigEndian.Uint16(said)), len(said)-3)
			l.now = l.now.Add(time.Duration(said[2]) * 15 * time.Second)
			if err := l.hear(said[3 : 3+n]); err != nil {
				t.Fatal(err)
			}
			said = said[3+n:]
		}
	})
}

// A gossip is a source of messages.
type gossip struct {
	r        *rand.Rand
	recorded [][]byte
	offers   [][]byte // REQUESTs that take an offer
}

// next returns a message, of anybody.
func (g *gossip) next(l *listener) []byte {
	if len(g.offers) > 0 && g.r.IntN(2) == 0 {
		msg := g.offers[0]
		g.offers = g.offers[1:]
		return msg
	}
	var msg []byte
	if g.r.IntN(4) == 0 {
		msg = bytes.Clone(g.recorded[g.r.IntN(len(g.recorded))])
		m := g.card()
		copy(msg[28:], m[:])
	} else {
		msg = g.invented(l)
	}
	if g.r.IntN(6) == 0 { // something happens to it on the way
		for range 1 + g.r.IntN(4) {
			msg[g.r.IntN(len(msg))] = byte(g.r.Uint32())
		}
	}
	if g.r.IntN(40) == 0 { // a server's, or of another kind of network
		msg[g.r.IntN(3)] = byte(g.r.IntN(3))
	}
	if g.r.IntN(60) == 0 {
		msg = msg[:g.r.IntN(len(msg))]
	}
	return msg
}

// heard has a client take its offer, mostly as it should.
func (g *gossip) heard(msg []byte, l *listener) {
	if l.out.ReplyType != packet.Offer || g.r.IntN(5) == 0 {
		return
	}
	p, err := dhcpv4.FromBytes(msg)
	if err != nil {
		return
	}
	offer, err := readMessage(l.out.Reply)
	if err != nil {
		return
	}
	p.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeRequest))
	p.UpdateOption(dhcpv4.OptRequestedIPAddress(offer.yiaddr().AsSlice()))
	p.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionServerIdentifier, offer.options[54]))
	g.offers = append(g.offers, p.ToBytes())
}

func (g *gossip) card() lease.MAC {
	known := []lease.MAC{web1, printer, laptop, visitor, stranger}
	if i := g.r.IntN(9); i < len(known) {
		return known[i]
	}
	return lease.MAC{0, 0, 0x5e, 0, 0x53, byte(0xa0 + g.r.IntN(6))}
}

// addr returns an address that somebody might name: mostly the one that the card has.
func (g *gossip) addr(l *listener, m lease.MAC) netip.Addr {
	if g.r.IntN(2) == 0 {
		for a, held := range l.book.leases {
			if held.MAC == m {
				return a
			}
		}
	}
	nets := []string{"192.168.32.", "192.168.40.", "192.168.41.", "198.51.100."}
	return ip(nets[min(3, g.r.IntN(12)%4)] + []string{"0", "1", "7", "11", "20", "100", "101", "102", "103", "104", "105", "255"}[g.r.IntN(12)])
}

// invented makes up a message.
func (g *gossip) invented(l *listener) []byte {
	m, r := g.card(), g.r
	kinds := []dhcpv4.MessageType{1, 1, 1, 3, 3, 3, 3, 4, 7, 8, 8, 2, 5, 13, 0}
	var mods []dhcpv4.Modifier
	maybe := func(oneIn int, mod dhcpv4.Modifier) {
		if r.IntN(oneIn) == 0 {
			mods = append(mods, mod)
		}
	}
	maybe(2, wanted(g.addr(l, m).String()))
	maybe(3, having(g.addr(l, m).String()))
	maybe(3, from([]string{"192.168.32.1", "192.168.32.1", "192.168.40.1", "198.51.100.1"}[r.IntN(4)]))
	maybe(2, broadcast)
	maybe(4, opt(80, ""))
	maybe(4, opt(51, string(binary.BigEndian.AppendUint32(nil, r.Uint32()>>r.IntN(32)))))
	maybe(2, opt(57, string(binary.BigEndian.AppendUint16(nil, uint16(r.IntN(1600))))))
	maybe(2, opt(61, strings.Repeat("i", r.IntN(256))))
	maybe(2, opt(55, randomBytes(r, r.IntN(40))))
	maybe(3, opt(60, []string{"PXEClient:Arch:00007", "HTTPClient:Arch:00016", "BRCM ISAN", "anything"}[r.IntN(4)]))
	maybe(4, opt(93, string([]byte{0, byte(r.IntN(32))})))
	maybe(4, opt(175, "\xb1\x01\x01"))
	maybe(3, opt(12, []string{"tablet", "web1", "a b", ""}[r.IntN(4)]))
	if r.IntN(3) == 0 {
		mods = append(mods, through([]string{"192.168.40.1", "192.168.41.1", "192.168.32.2", "198.51.100.1"}[r.IntN(4)]))
		maybe(2, agent("\x01", []string{"ge-7", "ge-8"}[r.IntN(2)], "\x02", "sw1"))
		maybe(3, agent("\x0b", bytesOf("192.168.40.1"), "\x05", bytesOf("192.168.41.0")))
		maybe(5, opt(82, strings.Repeat("\x09\x7e"+strings.Repeat("a", 126), 1+r.IntN(3))))
	}
	return ask(m, kinds[r.IntN(len(kinds))], mods...)
}

func randomBytes(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// recordedRequests are those of testdata/stages.
func recordedRequests(t testing.TB) (all [][]byte) {
	files, err := filepath.Glob("testdata/stages/*.txt")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		request, _, _ := strings.Cut(string(b), "\n\n")
		all = append(all, parseRequest(t, strings.TrimSpace(request)))
	}
	return all
}

package wantest

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A Script is what one server has to say. It knows one client and one lease: whoever asks
// for another address is told no.
type Script struct {
	ID      netip.Addr      // option 54; it is asked at this address and at 255.255.255.255
	Lease   netip.Prefix    // the address that it gives, and the netmask with it
	Router  netip.Addr      // the zero Addr: none is sent
	Options []packet.Option // further ones
	After   time.Duration   // that it takes to answer
	Moves   bool            // who asks for another address is given Lease, too
}

// A Message is one that a client has sent to port 67.
type Message struct {
	packet.Packet
	At       time.Time
	Bytes    []byte     // from the IP header on
	From, To netip.Addr // of the IP header
}

// Asked is the address that the client asks for, or has; the zero Addr: none.
func (m *Message) Asked() netip.Addr {
	if a := m.CIAddr; a.IsValid() && !a.IsUnspecified() {
		return a
	}
	return m.Addr(packet.OptionRequestedAddr)
}

// String is for example "REQUEST 192.0.2.20 from 192.0.2.20 to 10.99.0.1".
func (m *Message) String() string {
	text := m.Type().String()
	if a := m.Asked(); a.IsValid() {
		text += " " + a.String()
	}
	if m.To != everybody() {
		text += fmt.Sprintf(" from %s to %s", m.From, m.To)
	}
	return text
}

func everybody() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// A Server plays scripts on eth0 of a namespace, all at once as if each were a server of
// its own. It answers to everybody on the link, which every client takes.
type Server struct {
	packet *rawsocket.Packet

	mu      sync.Mutex
	scripts []Script
	heard   []Message
}

// Serve starts one, which ends with the test.
func Serve(t testing.TB, isp *testnet.Namespace, scripts ...Script) *Server {
	t.Helper()
	s := &Server{scripts: scripts}
	var port net.PacketConn // so that nobody is told that the port is not there
	err := isp.Do(func() error {
		l, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		if s.packet, err = rawsocket.Open(l.Index, rawsocket.Options{
			Name: "DHCP", Protocol: rawsocket.IPv4, Filter: questions(l.Index),
		}); err != nil {
			return err
		}
		port, err = net.ListenPacket("udp4", ":67")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { defer close(over); s.serve() }()
	t.Cleanup(func() {
		port.Close()
		s.packet.Close()
		<-over
	})
	return s
}

// questions keeps what is for port 67. (No test sends IP options.)
func questions(ifindex int) rawsocket.Filter {
	const protocol, udp, port = 9, 17, 20 + 2
	return rawsocket.OfLink(ifindex).
		Unless(bpf.LoadAbsolute{Off: protocol, Size: 1}, udp).
		Accept(bpf.LoadAbsolute{Off: port, Size: 2}, 67)
}

// Plays has it play other scripts from now on.
func (s *Server) Plays(scripts ...Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = scripts
}

// Heard takes what was heard since it was last called.
func (s *Server) Heard() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.heard
	s.heard = nil
	return all
}

// serve answers until the socket is closed.
func (s *Server) serve() {
	b := make([]byte, 2000)
	for {
		r, err := s.packet.Read(b)
		if err != nil {
			return
		}
		m := Message{At: time.Now(), Bytes: slices.Clone(b[:r.Len])}
		d, err := ethernet.ReadDatagram(m.Bytes, r.Partial)
		if err != nil || m.Unmarshal(d.Payload) != nil {
			continue
		}
		m.From, m.To = d.Source.Addr(), d.Destination.Addr()
		s.mu.Lock()
		s.heard = append(s.heard, m)
		for _, script := range s.scripts {
			if a := script.answer(&m); a != nil {
				time.AfterFunc(script.After, func() {
					_ = s.packet.Send(ethernet.Everybody(), rawsocket.IPv4, a)
				})
			}
		}
		s.mu.Unlock()
	}
}

// answer is the IP packet that answers m; nil: there is none.
func (s *Script) answer(m *Message) []byte {
	kind := s.verdict(m)
	if kind == 0 || m.To != everybody() && m.To != s.ID {
		return nil
	}
	p := packet.Packet{Op: packet.BootReply, HType: m.HType, HLen: m.HLen, XID: m.XID, CHAddr: m.CHAddr,
		Flags: m.Flags}
	add := func(code uint8, b []byte) { p.Options = append(p.Options, packet.Option{Code: code, Data: b}) }
	add(packet.OptionMessageType, []byte{byte(kind)})
	add(packet.OptionServerID, s.ID.AsSlice())
	if kind != packet.NAK {
		p.YIAddr = s.Lease.Addr()
		add(packet.OptionLeaseTime, binary.BigEndian.AppendUint32(nil, 3600))
		add(packet.OptionSubnetMask, net.CIDRMask(s.Lease.Bits(), 32))
		if s.Router.IsValid() {
			add(packet.OptionRouter, s.Router.AsSlice())
		}
		p.Options = append(p.Options, s.Options...)
	}
	b, _ := p.Append(nil, 1400)
	return ethernet.AppendDatagram(nil, netip.AddrPortFrom(s.ID, 67), netip.AddrPortFrom(everybody(), 68), b)
}

// verdict is what a message is answered by; 0: by nothing.
func (s *Script) verdict(m *Message) packet.MessageType {
	chosen := m.Addr(packet.OptionServerID)
	switch {
	case m.Type() == packet.Discover:
		return packet.Offer
	case m.Type() != packet.Request, chosen.IsValid() && chosen != s.ID:
		return 0
	case m.Asked() == s.Lease.Addr() || s.Moves:
		return packet.ACK
	}
	return packet.NAK
}

package nft_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// open runs f in a namespace; what it opens is closed when the test ends.
func open[T io.Closer](t *testing.T, ns netns, f func() (T, error)) T {
	t.Helper()
	var c T
	var err error
	ns.do(t, func() { c, err = f() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// heard reports whether a packet comes that ends in text, from whomever. It waits as long as one that comes
// may take, or, if none should, until the firewall has dropped one.
func heard(t *testing.T, l lab, c net.PacketConn, text string, helped bool, before map[string]int) bool {
	t.Helper()
	if !helped {
		for end := time.Now().Add(patience); l.counters(t)["turn_away_silent"] == before["turn_away_silent"]; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("nothing was dropped")
			}
		}
		return false
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 2000); ; {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			t.Log(err)
			return false
		}
		if strings.HasSuffix(string(b[:n]), text) {
			return true
		}
	}
}

// TestSIP: the media that an INVITE announces come in (RFC 3261, 13; RFC 4566), at the address that stands in
// it outside.
func TestSIP(t *testing.T) {
	for _, helped := range []bool{true, false} {
		l := newLab(t, helping(t, helped))
		phone := open(t, l.lan, func() (net.PacketConn, error) { return net.ListenPacket("udp", lan4+":5060") })
		media := open(t, l.lan, func() (net.PacketConn, error) { return net.ListenPacket("udp", lan4+":4000") })
		provider := open(t, l.wan, func() (net.PacketConn, error) { return net.ListenPacket("udp", wan4+":5060") })
		sdp := "v=0\r\no=- 1 1 IN IP4 " + lan4 + "\r\ns=-\r\nc=IN IP4 " + lan4 + "\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
		invite := "INVITE sip:bob@" + wan4 + " SIP/2.0\r\nVia: SIP/2.0/UDP " + lan4 + ":5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" +
			"From: <sip:alice@" + wan4 + ">;tag=1\r\nTo: <sip:bob@" + wan4 + ">\r\nCall-ID: 1@" + lan4 + "\r\nCSeq: 1 INVITE\r\n" +
			"Contact: <sip:alice@" + lan4 + ":5060>\r\nContent-Type: application/sdp\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(sdp)) + sdp
		if _, err := phone.WriteTo([]byte(invite), &net.UDPAddr{IP: net.ParseIP(wan4), Port: 5060}); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2000)
		if err := provider.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, _, err := provider.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(b[:n]), "c=IN IP4 "+wanBox4+"\r\n"); got != helped {
			t.Errorf("helper %t: the provider reads %s", helped, b[:n])
		}
		before := l.counters(t)
		voice := open(t, l.wan, func() (net.PacketConn, error) { return net.ListenPacket("udp", wan4+":6000") })
		if _, err := voice.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.ParseIP(wanBox4), Port: 4000}); err != nil {
			t.Fatal(err)
		}
		if got := heard(t, l, media, "hello", helped, before); got != helped {
			t.Errorf("helper %t: the voice is heard: %t", helped, got)
		}
	}
}

// pptpMessage is a control message (RFC 2637, 2) of a type and size, with some of its 16-bit fields.
func pptpMessage(kind uint16, size int, fields map[int]uint16) []byte {
	b := make([]byte, size)
	binary.BigEndian.PutUint16(b, uint16(size))
	binary.BigEndian.PutUint16(b[2:], 1)
	binary.BigEndian.PutUint32(b[4:], 0x1a2b3c4d)
	binary.BigEndian.PutUint16(b[8:], kind)
	for at, v := range fields {
		binary.BigEndian.PutUint16(b[at:], v)
	}
	return b
}

// TestPPTP: the tunnel that a control connection has set up passes from both ends (RFC 2637, 4).
func TestPPTP(t *testing.T) {
	const startRequest, startReply, callRequest, callReply, clientCall, serverCall = 1, 2, 7, 8, 1234, 4321
	for _, helped := range []bool{true, false} {
		l := newLab(t, helping(t, helped))
		listener := open(t, l.wan, func() (net.Listener, error) { return net.Listen("tcp", wan4+":1723") })
		client := open(t, l.lan, func() (net.Conn, error) { return net.DialTimeout("tcp", wan4+":1723", patience) })
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		gre := open(t, l.lan, func() (net.PacketConn, error) { return net.ListenPacket("ip4:47", lan4) })
		far := open(t, l.wan, func() (net.PacketConn, error) { return net.ListenPacket("ip4:47", wan4) })

		say := func(from, to net.Conn, message []byte) []byte {
			t.Helper()
			_ = to.SetReadDeadline(time.Now().Add(patience))
			if _, err := from.Write(message); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(message))
			if _, err := io.ReadFull(to, got); err != nil {
				t.Fatal(err)
			}
			return got
		}
		say(client, server, pptpMessage(startRequest, 156, map[int]uint16{12: 0x0100}))
		say(server, client, pptpMessage(startReply, 156, map[int]uint16{12: 0x0100, 14: 0x0100})) // result 1: it may
		call := binary.BigEndian.Uint16(say(client, server, pptpMessage(callRequest, 168, map[int]uint16{12: clientCall}))[12:])
		say(server, client, pptpMessage(callReply, 32, map[int]uint16{12: serverCall, 14: call, 16: 0x0100}))

		before := l.counters(t)
		packet := func(call uint16, text string) []byte {
			b := binary.BigEndian.AppendUint16(nil, 0x3001) // with key and number, version 1
			for _, v := range []uint16{0x880b, uint16(len(text)), call, 0, 1} {
				b = binary.BigEndian.AppendUint16(b, v)
			}
			return append(b, text...)
		}
		if _, err := far.WriteTo(packet(call, "down"), &net.IPAddr{IP: net.ParseIP(wanBox4)}); err != nil {
			t.Fatal(err)
		}
		if got := heard(t, l, gre, "down", helped, before); got != helped {
			t.Errorf("helper %t: the client hears the server: %t", helped, got)
		}
		if !helped {
			continue
		}
		if _, err := gre.WriteTo(packet(serverCall, "up"), &net.IPAddr{IP: net.ParseIP(wan4)}); err != nil {
			t.Fatal(err)
		}
		if !heard(t, l, far, "up", true, before) {
			t.Error("the server does not hear the client")
		}
	}
}

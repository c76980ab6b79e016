package wire

import (
	"crypto/subtle"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"time"
)

// A ServerCookie is what a client returns with its next query. The zero value is none.
type ServerCookie [16]byte

// A CookieState is what the cookie of a query says about its sender.
type CookieState uint8

// States of a cookie.
const (
	CookieNone CookieState = iota // it sent none
	CookieNew                     // it sent one of its own and none of ours
	CookieBad                     // ours is forged, too old, or of another secret
	CookieGood                    // it has had an answer of ours at this address: the address is not forged
)

// Cookies makes and checks server cookies (RFC 7873, RFC 9018). Secrets are 16 bytes by chance. To change it,
// Secret becomes Previous and is replaced: cookies by Previous are good until it is cleared, an hour later
// (RFC 9018 5). A secret that is zero is none: no cookie by it is good.
type Cookies struct {
	Secret, Previous [16]byte
}

// How old a cookie may be, and how far ahead of the clock (RFC 9018 4.3).
const (
	cookieAge   = 3600 // seconds
	cookieAhead = 300
)

// cookieVersion is the first byte of a server cookie (RFC 9018 4.1).
const cookieVersion = 1

// Make returns the server cookie for a client at an address. now is the time of the day.
func (c *Cookies) Make(client [8]byte, from netip.Addr, now time.Time) (s ServerCookie) {
	s[0] = cookieVersion
	binary.BigEndian.PutUint32(s[4:], uint32(now.Unix()))
	binary.LittleEndian.PutUint64(s[8:], cookieHash(&c.Secret, client, s[:8], from))
	return s
}

// Check says what the cookie of q tells about who sent it from an address. now is the time of the day.
func (c *Cookies) Check(q *Query, from netip.Addr, now time.Time) CookieState {
	switch {
	case !q.HasCookie:
		return CookieNone
	case q.serverLen == 0:
		return CookieNew
	case q.serverLen != 16 || q.serverCookie[0] != cookieVersion:
		return CookieBad
	}
	// RFC 9018 4.3: serial number arithmetic, of 32 bits.
	age := int32(uint32(now.Unix()) - binary.BigEndian.Uint32(q.serverCookie[4:]))
	if age > cookieAge || age < -cookieAhead {
		return CookieBad
	}
	for _, secret := range []*[16]byte{&c.Secret, &c.Previous} {
		var want [8]byte
		binary.LittleEndian.PutUint64(want[:], cookieHash(secret, q.ClientCookie, q.serverCookie[:8], from))
		if *secret != [16]byte{} && subtle.ConstantTimeCompare(want[:], q.serverCookie[8:16]) == 1 {
			return CookieGood
		}
	}
	return CookieBad
}

// cookieHash is SipHash-2-4 over client cookie, head of the server cookie and address (RFC 9018 4.4).
func cookieHash(secret *[16]byte, client [8]byte, head []byte, from netip.Addr) uint64 {
	var b [32]byte
	copy(b[:], client[:])
	n := 8 + copy(b[8:], head)
	if from = from.Unmap(); from.Is4() {
		a := from.As4()
		n += copy(b[n:], a[:])
	} else {
		a := from.As16()
		n += copy(b[n:], a[:])
	}
	return sipHash(secret, b[:n])
}

// sipHash is SipHash-2-4 (Aumasson and Bernstein, 2012).
func sipHash(key *[16]byte, b []byte) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])
	v := [4]uint64{
		k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573,
	}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		sipWord(&v, binary.LittleEndian.Uint64(b))
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	sipWord(&v, last)
	v[2] ^= 0xff
	for range 4 {
		sipRound(&v)
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func sipWord(v *[4]uint64, m uint64) {
	v[3] ^= m
	sipRound(v)
	sipRound(v)
	v[0] ^= m
}

func sipRound(v *[4]uint64) {
	v[0] += v[1]
	v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
	v[0] = bits.RotateLeft64(v[0], 32)
	v[2] += v[3]
	v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
	v[0] += v[3]
	v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
	v[2] += v[1]
	v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
	v[2] = bits.RotateLeft64(v[2], 32)
}

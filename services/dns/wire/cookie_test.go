package wire

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func withCookie(t *testing.T, cookie string) *Query {
	t.Helper()
	return parse(t, ask("example.com.", dns.TypeA, edns(1232, false, &dns.EDNS0_COOKIE{
		Code: dns.EDNS0COOKIE, Cookie: cookie,
	})), Plain)
}

func secret(s string) (b [16]byte) {
	copy(b[:], raw(s))
	return b
}

// TestCookiesOfRFC9018 has the examples of its appendix A.
func TestCookiesOfRFC9018(t *testing.T) {
	const first, old, next = "e5e973e5a6b2a43f48e7dc849e37bfcf",
		"dd3bdf9344b678b185a6f5cb60fca715", "445536bcd2513298075a5d379663c962"
	for _, tt := range []struct {
		name, secret, previous, from, sent string
		now                                int64
		state                              CookieState
		reply                              string
	}{
		{"A.1", first, "", "198.51.100.100", "2464c4abcf10c957", 1559731985, CookieNew,
			"010000005cf79f111f8130c3eee29480"},
		{"A.2", first, "", "198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385,
			CookieGood, "010000005cf7a871d4a564a1442aca77"},
		// Its cookie is of 1559727985, an hour and 52 minutes before: too old for what 4.3 recommends.
		{"A.3", first, "", "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700,
			CookieBad, "010000005cf7a9acf73a7810aca2381e"},
		{"A.3, in time", first, "", "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559728000,
			CookieGood, ""},
		{"A.4", next, old, "2001:db8:220:1:59de:d0f4:8769:82b8",
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, CookieGood,
			"010000005cf7c609a6bb79d16625507a"},
		{"A.4, the secret forgotten", next, "", "2001:db8:220:1:59de:d0f4:8769:82b8",
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, CookieBad, ""},
	} {
		c := Cookies{Secret: secret(tt.secret), Previous: secret(tt.previous)}
		q, from, now := withCookie(t, tt.sent), netip.MustParseAddr(tt.from), time.Unix(tt.now, 0)
		if state := c.Check(q, from, now); state != tt.state {
			t.Errorf("%s: state %d, want %d", tt.name, state, tt.state)
		}
		made := c.Make(q.ClientCookie, from, now)
		if got := hex.EncodeToString(made[:]); tt.reply != "" && got != tt.reply {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.reply)
		}
	}
}

func TestCookieStates(t *testing.T) {
	c := Cookies{Secret: secret("000102030405060708090a0b0c0d0e0f")}
	from, now := netip.MustParseAddr("192.0.2.1"), time.Unix(1<<32-100, 0) // the time runs over soon
	made := c.Make([8]byte(raw("0102030405060708")), from, now)
	own := "0102030405060708" + hex.EncodeToString(made[:])
	for _, tt := range []struct {
		name, cookie, from string
		after              time.Duration
		want               CookieState
	}{
		{"at once", own, "192.0.2.1", 0, CookieGood},
		{"mapped into IPv6", own, "::ffff:192.0.2.1", 0, CookieGood},
		{"an hour later", own, "192.0.2.1", time.Hour, CookieGood},
		{"too late", own, "192.0.2.1", time.Hour + time.Second, CookieBad},
		{"by a clock behind", own, "192.0.2.1", -5 * time.Minute, CookieGood},
		{"by a clock far behind", own, "192.0.2.1", -5*time.Minute - time.Second, CookieBad},
		{"another address", own, "192.0.2.2", 0, CookieBad},
		{"another client", "1" + own[1:], "192.0.2.1", 0, CookieBad},
		{"another version", own[:17] + "2" + own[18:], "192.0.2.1", 0, CookieBad},
		{"another time", own[:30] + "00" + own[32:], "192.0.2.1", 0, CookieBad},
		{"another hash", own[:47] + flipped(own[47:]), "192.0.2.1", 0, CookieBad},
		{"of another server", own + "00", "192.0.2.1", 0, CookieBad},
		{"only the client's", own[:16], "192.0.2.1", 0, CookieNew},
	} {
		q := withCookie(t, tt.cookie)
		if got := c.Check(q, netip.MustParseAddr(tt.from), now.Add(tt.after)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	if got := c.Check(parse(t, ask("a.", dns.TypeA), Plain), from, now); got != CookieNone {
		t.Errorf("without: %d", got)
	}
	none := Cookies{}
	made = none.Make([8]byte(raw("0102030405060708")), from, now)
	q := withCookie(t, "0102030405060708"+hex.EncodeToString(made[:]))
	if got := none.Check(q, from, now); got != CookieBad {
		t.Errorf("by no secret: %d", got)
	}
	reply := q.Append(nil, Answer{}, ReplyOptions{Cookie: made, Extended: StaleAnswer})
	opt := unpack(t, reply).IsEdns0()
	if len(opt.Option) != 2 || opt.Option[0].String() != "0102030405060708"+hex.EncodeToString(made[:]) ||
		opt.Option[1].(*dns.EDNS0_EDE).InfoCode != dns.ExtendedErrorCodeStaleAnswer {
		t.Errorf("OPT %v", opt)
	}
}

// flipped changes the last digit of a cookie.
func flipped(s string) string {
	if s[len(s)-1] == '0' {
		return s[:len(s)-1] + "1"
	}
	return s[:len(s)-1] + "0"
}

// TestSipHash has the vectors of its paper's reference implementation: the key 00…0f, and texts 00, 0001, ….
func TestSipHash(t *testing.T) {
	key := secret("000102030405060708090a0b0c0d0e0f")
	text := raw("000102030405060708090a0b0c0d0e")
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 7: 0xab0200f58b01d137,
		8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5} {
		if got := sipHash(&key, text[:n]); got != want {
			t.Errorf("of %d bytes: %x, want %x", n, got, want)
		}
	}
}

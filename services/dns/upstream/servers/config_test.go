package servers

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestConfigAsJSON(t *testing.T) {
	c := Config{
		Servers: []Server{
			plain("192.0.2.53"), overTLS("2001:db8::53", "dns.example"),
			{Address: netip.MustParseAddr("fe80::1%wan"), Port: 5300, Kind: Plain},
		},
		Forward:   []Forward{{"168.192.in-addr.arpa", []Server{plain("192.0.2.1")}}},
		MixedCase: true,
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	b := must1(json.Marshal(c))
	var again Config
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("%s became %+v, %v", b, again, err)
	}
	want := `{"servers":[{"address":"192.0.2.53","kind":"plain"},` +
		`{"address":"2001:db8::53","kind":"tls","name":"dns.example"},` +
		`{"address":"fe80::1%wan","port":5300,"kind":"plain"}],"forward":[{"domain":"168.192.in-addr.arpa",` +
		`"servers":[{"address":"192.0.2.1","kind":"plain"}]}],"mixed_case":true}`
	if string(b) != want {
		t.Errorf("%s", b)
	}
	if got := fmt.Sprint(c.Servers); got != "[192.0.2.53 2001:db8::53#dns.example fe80::1%wan@5300]" {
		t.Errorf("the servers are %s", got)
	}
}

func TestCheck(t *testing.T) {
	good := plain("192.0.2.53")
	for _, tc := range []struct {
		c    Config
		want string // empty: it is right
	}{
		{Config{}, ""},
		{Config{Servers: []Server{good, overTLS("192.0.2.53", "192.0.2.53")}}, ""},
		{Config{Servers: []Server{{Kind: Plain}}}, "server invalid IP: it has no address"},
		{Config{Servers: []Server{plain("::ffff:192.0.2.1")}},
			"server ::ffff:192.0.2.1: write its address as 192.0.2.1"},
		{Config{Servers: []Server{plain("0.0.0.0")}}, "server 0.0.0.0: nobody can have that address"},
		{Config{Servers: []Server{plain("ff02::1")}}, "server ff02::1: nobody can have that address"},
		{Config{Servers: []Server{plain("fe80::1")}},
			"server fe80::1: a link-local address needs its link: fe80::1%wan"},
		{Config{Servers: []Server{{Address: good.Address, Kind: "https"}}},
			`server 192.0.2.53: kind "https": plain or tls`},
		{Config{Servers: []Server{{Address: good.Address, Kind: Plain, Name: "dns.example"}}},
			"server 192.0.2.53#dns.example: the name dns.example is checked with TLS only"},
		{Config{Servers: []Server{overTLS("192.0.2.53", "")}},
			"server 192.0.2.53: TLS needs the name that its certificate is for"},
		{Config{Servers: []Server{overTLS("192.0.2.53", "dns..example")}},
			`server 192.0.2.53#dns..example: "dns..example" is no name that a certificate could be for`},
		{Config{Servers: []Server{overTLS("192.0.2.53", "dns.example.")}},
			`server 192.0.2.53#dns.example.: "dns.example." is no name that a certificate could be for`},
		{Config{Servers: []Server{good, {Address: good.Address, Port: 53, Kind: Plain}}},
			"server 192.0.2.53 is there twice"},
		{Config{Servers: many(17)}, "17 servers: 16 at most"},
		{Config{Forward: []Forward{{"example", nil}}}, "domain example: it has no server"},
		{Config{Forward: []Forward{{"example", []Server{good}}, {"EXAMPLE.", []Server{good}}}},
			"domain EXAMPLE.: it is forwarded twice"},
		{Config{Forward: []Forward{{".", []Server{good}}}},
			"domain .: the servers for everything are not those of a domain"},
		{Config{Forward: []Forward{{"a..b", []Server{good}}}},
			`domain a..b: the label "" has 0 letters: 1 to 63`},
		{Config{Forward: []Forward{{"a b", []Server{good}}}}, `domain a b: ' ' cannot be in a domain`},
		{Config{Forward: []Forward{{"0/26.2.0.192.in-addr.arpa", []Server{good}}}}, ""},
		{Config{Forward: []Forward{{strings.Repeat("abcdefg.", 32), []Server{good}}}},
			"domain " + strings.Repeat("abcdefg.", 32) + ": it has 257 octets: 255 at most"},
		{Config{Forward: []Forward{{"example", []Server{plain("::")}}}},
			"domain example: server ::: nobody can have that address"},
		{Config{Forward: make([]Forward, 257)}, "257 domains are forwarded: 256 at most"},
	} {
		err := tc.c.Check()
		first := ""
		if err != nil {
			first, _, _ = strings.Cut(err.Error(), "\n")
		}
		if first != tc.want {
			t.Errorf("%+v:\n%s, not\n%s", tc.c, first, tc.want)
		}
	}
}

// many returns so many servers.
func many(n int) (all []Server) {
	for i := range n {
		all = append(all, plain(fmt.Sprintf("192.0.2.%d", i+1)))
	}
	return all
}

func plain(addr string) Server { return Server{Address: netip.MustParseAddr(addr), Kind: Plain} }

func overTLS(addr, name string) Server {
	return Server{Address: netip.MustParseAddr(addr), Kind: TLS, Name: name}
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

package tunnel6in4

import (
	"strings"
	"testing"
)

// TestRead has every answer of the API, and what others say in its place.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		code   Code
		class  Class
		addr   string
	}{
		{200, "good 198.51.100.7\n", Good, Accepted, "198.51.100.7"},
		{200, "good", Good, Accepted, ""},
		{200, "good 2001:db8::1", Good, Accepted, ""},
		{200, "GOOD 198.51.100.7", Good, Accepted, "198.51.100.7"},
		{200, "nochg 198.51.100.7", NoChange, Accepted, "198.51.100.7"},
		{200, "\r\nnochg\r\n", NoChange, Accepted, ""},
		{200, "badauth", BadAuth, Refused, ""},
		{200, "badagent", BadAgent, Refused, ""},
		{200, "abuse", Abuse, Refused, ""},
		{200, "nohost", NoHost, Refused, ""},
		{200, "notfqdn", NotFQDN, Refused, ""},
		{200, "!yours", NotYours, Refused, ""},
		{200, "!donator", NotPaid, Refused, ""},
		{200, "numhost", NumHost, Refused, ""},
		{200, "dnserr", DNSError, Passing, ""},
		{200, "911", Trouble, Passing, ""},
		{200, "911 back at noon", Trouble, Passing, ""},
		{200, "", Unknown, Passing, ""},
		{200, "goodbye", Unknown, Passing, ""},
		{200, "-ERROR: IP is not ICMP pingable.", Unknown, Passing, ""},
		{200, "<html><body>Log in to the hotel</body></html>", Unknown, Passing, ""},
		{401, "badauth", BadAuth, Refused, ""},
		{401, "<html>", BadAuth, Refused, ""},
		{401, "good 198.51.100.7", BadAuth, Refused, ""},
		{403, "abuse", Abuse, Refused, ""},
		{403, "", HTTPRefused, Refused, ""},
		{404, "good", HTTPRefused, Refused, ""},
		{400, "<html>", HTTPRefused, Refused, ""},
		{408, "", HTTPTrouble, Passing, ""},
		{429, "", HTTPTrouble, Passing, ""},
		{500, "", HTTPTrouble, Passing, ""},
		{503, "911", Trouble, Passing, ""},
		{503, "good 198.51.100.7", HTTPTrouble, Passing, ""},
		{204, "", HTTPTrouble, Passing, ""},
		{301, "", Redirected, Refused, ""},
		{302, "good 198.51.100.7", Redirected, Refused, ""},
	} {
		o := Read(c.status, []byte(c.body))
		addr := ""
		if o.Addr.IsValid() {
			addr = o.Addr.String()
		}
		if o.Code != c.code || o.Code.Class() != c.class || addr != c.addr {
			t.Errorf("%d %q is %+v, class %d; want %s, %d, %s", c.status, c.body, o, o.Code.Class(), c.code,
				c.class, c.addr)
		}
		if o.Code.Means() == "" {
			t.Errorf("%s means nothing", o.Code)
		}
	}
}

// FuzzRead: whatever a server says, it is bounded and printable, and only a word of the API is taken for one.
func FuzzRead(f *testing.F) {
	f.Add(200, []byte("good 198.51.100.7"))
	f.Add(503, []byte("911\x00\x1b[2J"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		o := Read(status, body)
		if len(o.Text) > 2*maxText || strings.ContainsAny(o.Text, "\x1b\x00\n\r\u009b") {
			t.Errorf("%q", o.Text)
		}
		if word := strings.ToLower(strings.TrimSpace(string(body))); o.Code.Class() == Accepted &&
			!strings.HasPrefix(word, "good") && !strings.HasPrefix(word, "nochg") {
			t.Errorf("%q is %s", body, o.Code)
		}
	})
}

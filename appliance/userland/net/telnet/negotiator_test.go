package telnet

import (
	"strings"
	"testing"
)

// bytesOf makes bytes of words: names of commands and options, and text in quotes.
func bytesOf(t *testing.T, words string) string {
	t.Helper()
	names := map[string]byte{
		"IAC": cmdIAC, "DO": cmdDo, "DONT": cmdDont, "WILL": cmdWill, "WONT": cmdWont, "SB": cmdSB, "SE": cmdSE,
		"ECHO": optEcho, "SGA": optSGA, "TTYPE": optTerm, "NAWS": optWindow, "ENV": optEnviron, "SEND": 1, "IS": 0, "NUL": 0, "BINARY": 0,
		"GA": 249, "CR": '\r', "LF": '\n', "LINEMODE": 34,
	}
	var b strings.Builder
	for _, w := range strings.Fields(words) {
		if c, ok := names[w]; ok {
			b.WriteByte(c)
			continue
		}
		b.WriteString(w)
	}
	return b.String()
}

func TestNegotiator(t *testing.T) {
	for _, c := range []struct{ name, in, shown, reply string }{
		{"text", "text", "text", ""},
		{"ends of lines", "a CR LF b CR NUL c CR CR NUL LF", "a CR LF b CR c CR CR LF", ""},
		{"255 is two", "a IAC IAC b", "a IAC b", ""},
		{"go ahead", "a IAC GA b", "a b", ""},
		{"characters", "IAC WILL ECHO IAC WILL SGA", "", "IAC DO ECHO IAC DO SGA"},
		{"said again", "IAC WILL ECHO IAC WILL ECHO IAC WILL ECHO", "", "IAC DO ECHO"},
		{"and not", "IAC WILL ECHO IAC WONT ECHO IAC WONT ECHO", "", "IAC DO ECHO IAC DONT ECHO"},
		{"never was", "IAC WONT ECHO IAC DONT NAWS", "", ""},
		{"our echo", "IAC DO ECHO", "", "IAC WONT ECHO"},
		{"unknown", "IAC DO LINEMODE IAC WILL LINEMODE IAC WONT LINEMODE IAC DONT LINEMODE", "", "IAC WONT LINEMODE IAC DONT LINEMODE"},
		{"terminal", "IAC DO TTYPE IAC SB TTYPE SEND IAC SE", "", "IAC WILL TTYPE IAC SB TTYPE IS xterm IAC SE"},
		{"not agreed", "IAC SB TTYPE SEND IAC SE x", "x", ""},
		{"window", "IAC DO NAWS", "", "IAC WILL NAWS IAC SB NAWS NUL IAC IAC NUL P IAC SE"},
		{"user", "IAC DO ENV IAC SB ENV SEND IAC SE", "", "IAC WILL ENV IAC SB ENV IS NUL USER SEND me IAC SE"},
		{"a long one", "IAC DO TTYPE IAC SB TTYPE " + strings.Repeat("x", 100000) + " IAC SE y", "y", "IAC WILL TTYPE"},
		{"without end", "IAC SB TTYPE SEND", "", ""},
	} {
		for _, atOnce := range []bool{true, false} {
			n := &negotiator{terminal: "xterm", user: "me", width: 255, height: 80}
			in := bytesOf(t, c.in)
			var shown, reply string
			if atOnce {
				s, r := n.take([]byte(in))
				shown, reply = string(s), string(r)
			} else {
				for i := range len(in) {
					s, r := n.take([]byte{in[i]})
					shown, reply = shown+string(s), reply+string(r)
				}
			}
			if shown != bytesOf(t, c.shown) || reply != bytesOf(t, c.reply) || len(n.sub) > maxSub {
				t.Errorf("%s: shown %q, told %q", c.name, shown, reply)
			}
		}
	}
}

func TestTyped(t *testing.T) {
	if got := string(typed([]byte("a\rb\nc\xff"))); got != "a\r\nb\r\nc\xff\xff" {
		t.Errorf("%q", got)
	}
}

func FuzzNegotiator(f *testing.F) {
	f.Add("text \xff\xfb\x01\xff\xfa\x18\x01\xff\xf0")
	f.Fuzz(func(t *testing.T, in string) {
		n := &negotiator{terminal: "xterm", width: 80, height: 24}
		// Each request costs three bytes, and no answer is much longer.
		if shown, reply := n.take([]byte(in)); len(shown) > len(in) || len(reply) > 8*len(in)+16 || len(n.sub) > maxSub {
			t.Errorf("%d bytes: %d shown, %d told", len(in), len(shown), len(reply))
		}
	})
}

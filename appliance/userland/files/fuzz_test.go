package files

import (
	"github.com/gatehouse-os/gatehouse/appliance/userland/filemode"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/strftime"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
)

// FuzzExpression: whatever the words are, expr, test, chmod and their like end with a value or an error.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		`abc : a\(.\)c`, "( 1 + 2 ) * 3 | x & y", "substr abc 2 9", "! ( -f x ) -a a = b", "u+x,go-w=X", "1 / 0",
		`x : [[:alpha:]]\{1,3\}\|\w*`, "-e x -o ( a )", "match é .", "0755", `a : \(`, "[a : [", "u=rwx,g+s,o=t",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Fields(line)
		e := &expression{args: words}
		v := e.or()
		if e.err != nil && len(e.args) != 0 {
			t.Errorf("%q is left after %v", e.args, e.err)
		}
		if v.isNumber && v.text != "" {
			t.Errorf("%+v is both", v)
		}
		if holds, err := condition(words); err != nil && holds && strings.Contains(err.Error(), "missing") {
			t.Errorf("%q holds, and: %v", words, err)
		}
		if mode, err := filemode.Parse(line, 0o644, 0o22); err == nil && mode&^uint32(filemode.All) != 0 {
			t.Errorf("%q is the mode %o", line, mode)
		}
		if text, width := printable(line); strings.ContainsAny(text, "\x00\x1b\n\x7f") || width > len(line) {
			t.Errorf("%q is shown as %q, %d columns", line, text, width)
		}
	})
}

// FuzzDate: a date is a time or an error, and a format is printed whatever it is; a zone's rule is a zone.
func FuzzDate(f *testing.F) {
	f.Add("2026-03-04 05:06:07 +0100", "%Y-%m-%d %T %z", "CET-1CEST,M3.5.0,M10.5.0/3")
	f.Add("202603040506.07", "%-5d%_10Y%^a%E", "<+03>-3")
	f.Add("@1700000000", "%a, %d %b %Y %I:%M %p", "EST5EDT")
	f.Add("", "%", ":")
	f.Fuzz(func(t *testing.T, text, format, rule string) {
		now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		if at, err := parseDate(text, momentOf(now), time.UTC); err == nil {
			_ = strftime.Format(format, at)
		}
		m := momentOf(now)
		if rest, ok := m.strptime(text, format); ok && !strings.HasSuffix(text, rest) {
			t.Errorf("%q is what is left of %q", rest, text)
		}
		if strings.Contains(rule, "\n") {
			return
		}
		if in, err := zone.Of(rule); err == nil {
			if _, offset := now.In(in).Zone(); offset < -7*24*3600 || offset > 7*24*3600 {
				t.Errorf("%q is %d seconds from UTC", rule, offset)
			}
		}
		if d, err := duration(text); err == nil && d < 0 {
			t.Errorf("%q is %v", text, d)
		}
	})
}

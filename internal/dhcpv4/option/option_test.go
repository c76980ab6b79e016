package option

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write the options into docs/dhcp.md")

func TestEncode(t *testing.T) {
	for _, tc := range []struct {
		option string
		values []string
		want   string // as a Go string; or, after a !, the error
	}{
		{"ntp-server", []string{"192.0.2.1", "192.0.2.2"}, "\xc0\x00\x02\x01\xc0\x00\x02\x02"},
		{"42", []string{"192.0.2.1"}, "\xc0\x00\x02\x01"},
		{"mtu", []string{"1400"}, "\x05\x78"},
		{"arp-timeout", []string{"60"}, "\x00\x00\x00\x3c"},
		{"default-ttl", []string{"64"}, "\x40"},
		{"ip-forward-enable", []string{"true"}, "\x01"},
		{"ip-forward-enable", []string{"false"}, "\x00"},
		{"requested-options", []string{"3", "6"}, "\x03\x06"},
		{"wpad", []string{"http://wpad.home.example/wpad.dat"}, "http://wpad.home.example/wpad.dat"},
		{"domain-search", []string{"a.example", "b.example"}, "\x01a\x07example\x00\x01b\x07example\x00"},
		{"121", []string{"10.8.0.0/13 via 192.168.32.2", "198.51.100.0/25"}, "\x0d\x0a\x08\xc0\xa8\x20\x02\x19\xc6\x33\x64\x00\x00\x00\x00\x00"},
		{"121", []string{"0.0.0.0/0 via 192.168.32.9"}, "\x00\xc0\xa8\x20\x09"},
		{"224", []string{"01:02 ff"}, "\x01\x02\xff"},
		{"224", []string{"text:hello: world"}, "hello: world"},
		{"224", []string{"u8:1"}, "\x01"},
		{"224", []string{"u16:258"}, "\x01\x02"},
		{"224", []string{"u32:1"}, "\x00\x00\x00\x01"},
		{"224", []string{"ip:192.0.2.1"}, "\xc0\x00\x02\x01"},
		{"mtu", []string{"70000"}, `!option mtu is "70000"; expected a number from 0 to 65535`},
		{"mtu", []string{"1", "2"}, `!option mtu has 2 values; expected one, a number from 0 to 65535`},
		{"ntp-server", nil, `!option ntp-server has no value; expected IPv4 addresses`},
		{"ntp-server", []string{"2001:db8::1"}, `!option ntp-server is "2001:db8::1"; expected IPv4 addresses`},
		{"ip-forward-enable", []string{"1"}, `!option ip-forward-enable is "1"; expected true or false`},
		{"domain-search", []string{"a..b"}, `!option domain-search is "a..b"; expected domain names`},
		{"121", []string{"10.8.0.1/16 via 192.168.32.2"}, `!option classless-static-route is "10.8.0.1/16 via 192.168.32.2"; expected networks`},
		{"121", []string{"10.8.0.0/16 192.168.32.2"}, `!option classless-static-route is`},
		{"121", []string{"2001:db8::/32 via 192.168.32.2"}, `!option classless-static-route is`},
		{"43", []string{"01:02:ab:cd"}, "\x01\x02\xab\xcd"},
		{"224", []string{"xyz"}, `!option 224 is "xyz"; expected pairs of hex digits`},
		{"224", []string{""}, `!option 224 is ""; expected pairs of hex digits`},
		{"224", []string{"hex:01:02"}, "\x01\x02"},
		{"252", []string{"hex:0a"}, "\n"},
		{"wpad", []string{"hex:68:69 0D0a"}, "hi\r\n"},
		{"wpad", []string{"text:0a"}, "0a"},
		{"nis-domain", []string{"cafe"}, "cafe"},
		{"nis-domain", []string{"de"}, "de"},
		{"wpad", []string{"0a"}, `!option wpad is "0a", which would be sent as letters; expected "hex:0a" for the bytes, or "text:0a" for the letters`},
		{"wpad", []string{"0x0D0A"}, `!option wpad is "0x0D0A", which would be sent as letters; expected "hex:0d0a" for`},
		{"vendor-class", []string{"01:02:FF"}, `!option vendor-class is "01:02:FF", which would be sent as letters; expected "hex:01:02:ff" for`},
		{"wpad", []string{"hex:0"}, `!option wpad is "hex:0"; expected pairs of hex digits behind "hex:"`},
		{"wpad", []string{"hex:"}, `!option wpad is "hex:"; expected pairs of hex digits behind "hex:"`},
		{"wpad", []string{"a\nb"}, `!option wpad is "a\nb"; expected printable text`},
		{"wpad", []string{""}, `!option wpad is ""; expected printable text`},
		{"wpad", []string{strings.Repeat("x", 1025)}, `!option wpad has 1025 bytes; expected at most 1024`},
	} {
		d, ok := Define(tc.option)
		b, err := d.Encode(tc.values...)
		want, bad := strings.CutPrefix(tc.want, "!")
		if !ok || bad != (err != nil) || bad && !strings.HasPrefix(err.Error(), want) || !bad && string(b) != want {
			t.Errorf("%s %q: %q, %v, want %q", tc.option, tc.values, b, err, tc.want)
		}
	}
}

func TestDefine(t *testing.T) {
	for _, none := range []string{"", "0", "255", "256", "-1", "nosuch"} {
		if d, ok := Define(none); ok {
			t.Errorf("%q is %v", none, d)
		}
	}
	names := map[string]bool{}
	for i, d := range All() {
		if i > 0 && All()[i-1].Code >= d.Code || names[d.Name] || d.Name == "" {
			t.Errorf("%d %s is out of order, or there twice", d.Code, d.Name)
		}
		names[d.Name] = true
	}
	if d, ok := Define("6"); !ok || d.Name != "dns-server" || ServersOwn(d.Code) {
		t.Errorf("6 is %v, %t", d, ok)
	}
	for _, name := range []string{"netmask", "lease-time", "relay-agent"} {
		if d, ok := Define(name); !ok || !ServersOwn(d.Code) {
			t.Errorf("%s is not the server's own", name)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, tc := range []struct{ option, data, want string }{
		{"3", "\xc0\x00\x02\x01\xc0\x00\x02\x02", "192.0.2.1,192.0.2.2"},
		{"3", "\xc0\x00\x02", "c00002"},
		{"12", "web1", `"web1"`},
		{"12", "\x1b[2J", "1b5b324a"},
		{"12", "\xff", "ff"},
		{"19", "", ""},
		{"26", "\x05\x78", "1400"},
		{"51", "\x00\x00\x0e\x10", "3600"},
		{"55", "\x01\x03", "1,3"},
		{"93", "\x00\x07\x00\x10", "7,16"},
		{"119", "\x01a\x07example\x00\x01b\x00", "a.example,b"},
		{"119", "\x01a\xc0\x00", "0161c000"},
		{"119", "\x00", "00"},
		{"119", "\x01\x1b\x00", "011b00"},
		{"119", "\x01a", "0161"},
		{"121", "\x0d\x0a\x08\xc0\xa8\x20\x02\x19\xc6\x33\x64\x00\x00\x00\x00\x00", "10.8.0.0/13 via 192.168.32.2, 198.51.100.0/25"},
		{"121", "\x21\x0a\x08\x00\x00\x00\xc0\xa8\x20\x02", "210a08000000c0a82002"},
		{"121", "\x08\x0a", "080a"},
		{"224", "\x01", "01"},
		{"82", "\x01\x04ge-7\x02\x02\x0a\x0b", `1="ge-7" 2=0a0b`},
		{"175", "\xb0\x01\x01\x00\x08\x01\x41\xff", `176=01 8=41`},
		{"43", "\x01\x04ab", "01046162"},
		{"43", "\xff", "ff"},
		{"43", "Raspberry Pi Boot", `"Raspberry Pi Boot"`},
		{"43", "\x1b[2J", "1b5b324a"},
	} {
		d, _ := Define(tc.option)
		if got := d.Format([]byte(tc.data)); got != tc.want {
			t.Errorf("%s %x: %s, want %s", tc.option, tc.data, got, tc.want)
		}
	}
}

// FuzzFormat: whatever a client sends, a terminal gets printable text; and what
// Format makes of a value that people can write, Encode makes into the value again.
func FuzzFormat(f *testing.F) {
	for _, d := range All() {
		f.Add(d.Code, []byte("\x0d\x0a\x08\xc0\xa8\x20\x02"))
		f.Add(d.Code, []byte("\x01a\x07example\x00"))
		f.Add(d.Code, []byte("\x1b[2J\xc2\x9b"))
	}
	f.Fuzz(func(t *testing.T, code byte, data []byte) {
		d := Definition{Code: code, Name: "x"}
		for _, known := range All() {
			if known.Code == code {
				d = known
			}
		}
		text := d.Format(data)
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%d %x is shown as %q", code, data, text)
		}
		if d.Kind == Hex && len(data) > 0 && len(data) <= MaxValue {
			if again, err := d.Encode(text); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%q becomes %x, %v; want %x", text, again, err, data)
			}
		}
	})
}

func TestNames(t *testing.T) {
	for s, want := range map[string][2]bool{ // a label, a domain
		"web1": {true, true}, "a.example": {false, true}, "": {false, false}, "-a": {false, false}, "a..b": {false, false},
		strings.Repeat("a", 63): {true, true}, strings.Repeat("a", 64): {false, false}, "a_b": {false, false},
		strings.Repeat("abc.", 63) + "de": {false, false},
	} {
		if got := [2]bool{IsLabel(s), IsDomain(s)}; got != want {
			t.Errorf("%q: %t, want %t", s, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]string{
		"ge-0/0/7": "ge-0/0/7", "": "", "hex:": "", "hex:00:04:00:0a": "\x00\x04\x00\x0a", "hex:0004000A": "\x00\x04\x00\x0a",
		"hex:68:65:78:3a": "hex:", "hex:c3:a4": "ä",
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || string(b) != want {
			t.Errorf("%q is %q, %v; want %q", text, b, err, want)
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(b.String())); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q is written %q and read as %q, %v", text, b.String(), []byte(again), err)
		}
	}
	var b Bytes
	if err := b.UnmarshalText([]byte("hex:0")); err == nil {
		t.Error("half a byte is accepted")
	}
}

// TestDocsHaveTheOptions: the page for people has every name that the site takes.
func TestDocsHaveTheOptions(t *testing.T) {
	const page = "../../../docs/dhcp.md"
	var table strings.Builder
	table.WriteString("| number | name | value |\n|---|---|---|\n")
	for _, d := range All() {
		if !ServersOwn(d.Code) {
			kind := d.Kind.String()
			if d.Kind.IsBytes() {
				kind = "bytes"
			}
			fmt.Fprintf(&table, "| %d | `%s` | %s |\n", d.Code, d.Name, kind)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		before, rest, _ := strings.Cut(string(text), "| number |")
		_, after, ok := strings.Cut(rest, "\n\n")
		if !ok {
			t.Fatalf("%s has no table to write anew", page)
		}
		if err := os.WriteFile(page, []byte(before+table.String()+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !strings.Contains(string(text), table.String()) {
		t.Errorf("%s does not have the options as they are (-update writes them anew):\n%s", page, table.String())
	}
}

package site

import (
	"encoding/binary"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// everyFile is a site with a file of each kind.
func everyFile(t *testing.T) fstest.MapFS {
	t.Helper()
	fsys := quietSite(t)
	fsys["site.toml"].Data = append(fsys["site.toml"].Data, `
[wan]
interface = "eth1"
ipv4 = "dhcp"
hooks = "hook.sh"
[dns]
upstream = "wan"
[tunnel]
server = "203.0.113.30"
ipv6 = "2001:db8:1f0a:1::2/64"
routed = "2001:db8:1f0b:1::/64"
[tunnel.update]
user = "customer"
tunnel = "123456"
key-file = "tunnel.key"
[firewall.list]
bad = "bad.list"
[[firewall.deny]]
from = "bad"
to = "lan"
`...)
	fsys["hook.sh"] = &fstest.MapFile{Data: []byte("#!/bin/sh\n# says\necho \"$1\"\n")}
	fsys["tunnel.key"] = &fstest.MapFile{Data: []byte("Zm9vYmFyYmF6\n")}
	fsys["bad.list"] = &fstest.MapFile{Data: []byte("# bad ones\n198.51.100.0/24\n203.0.113.128/25\n")}
	fsys["hosts"].Data = append([]byte("# all hosts\n"), fsys["hosts"].Data...)
	fsys["authorized_keys"].Data = []byte("# me\n" + ownKey)
	fsys["ethers"].Data = append([]byte("# cards\n"), fsys["ethers"].Data...)
	return fsys
}

func utf16Of(order binary.AppendByteOrder) func(string) string {
	return func(text string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, unit)
		}
		return string(b)
	}
}

func utf32Of(order binary.AppendByteOrder) func(string) string {
	return func(text string) string {
		var b []byte
		for _, c := range text {
			b = order.AppendUint32(b, uint32(c))
		}
		return string(b)
	}
}

// inPlaceOfEnd puts something in the place of the end of the first line, which is a comment where a file has
// such.
func inPlaceOfEnd(c string) func(string) string {
	return func(text string) string { return strings.Replace(text, "\n", c, 1) }
}

func before(mark string, next func(string) string) func(string) string {
	return func(text string) string { return next(mark + text) }
}

// TestEveryEncoding writes each file of a site as every editor and system may: it means the same, or it is
// refused by its name and with the reason. A line that vanishes would be neither.
func TestEveryEncoding(t *testing.T) {
	const reads = "" // it means the same
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	for _, tt := range []struct {
		name   string
		write  func(string) string
		want   string            // in what is said of all files but
		unlike map[string]string // these
	}{
		{name: "Windows", write: crlf, unlike: map[string]string{"hook.sh": "carriage return"}},
		{name: "Windows twice", write: func(text string) string { return strings.ReplaceAll(text, "\n", "\r\r\n") },
			unlike: map[string]string{"hook.sh": "carriage return", "site.toml": "a carriage return too many"}},
		{name: "old Macs", write: func(text string) string { return strings.ReplaceAll(text, "\n", "\r") },
			want: "old Macs", unlike: map[string]string{"tunnel.key": reads}},
		{name: "one line of old Macs", write: inPlaceOfEnd("\r"), want: "carriage return within a line",
			unlike: map[string]string{"tunnel.key": reads}},
		{name: "NEL", write: inPlaceOfEnd("\u0085"), want: "NEXT LINE", unlike: map[string]string{"tunnel.key": "is no key"}},
		{name: "line separator", write: inPlaceOfEnd("\u2028"), want: "LINE SEPARATOR", unlike: map[string]string{"tunnel.key": "is no key"}},
		{name: "paragraph separator", write: inPlaceOfEnd("\u2029"), want: "PARAGRAPH SEPARATOR", unlike: map[string]string{"tunnel.key": "is no key"}},
		{name: "UTF-8 with a mark", write: before("\ufeff", strings.Clone)},
		{name: "and with line ends of Windows", write: before("\ufeff", crlf), unlike: map[string]string{"hook.sh": "carriage return"}},
		{name: "two with marks, put together", write: inPlaceOfEnd("\n\ufeff"), want: "byte order mark", unlike: map[string]string{"tunnel.key": "is no key"}},
		{name: "UTF-16LE with a mark", write: before("\ufeff", utf16Of(binary.LittleEndian)), want: "UTF-16LE"},
		{name: "UTF-16BE with a mark", write: before("\ufeff", utf16Of(binary.BigEndian)), want: "UTF-16BE"},
		{name: "UTF-16LE", write: utf16Of(binary.LittleEndian), want: "UTF-16LE"},
		{name: "UTF-16BE", write: utf16Of(binary.BigEndian), want: "UTF-16BE"},
		{name: "UTF-32LE with a mark", write: before("\ufeff", utf32Of(binary.LittleEndian)), want: "UTF-32LE"},
		{name: "UTF-32BE", write: utf32Of(binary.BigEndian), want: "UTF-32BE"},
		{name: "NUL", write: inPlaceOfEnd("\x00\n"), want: "a byte that is 0", unlike: map[string]string{"tunnel.key": "is no key"}},
		{name: "Latin-1 in a comment", write: inPlaceOfEnd(" # B\xfcro\n"),
			unlike: map[string]string{"site.toml": `0xfc, which is 'ü' in Latin-1`, "tunnel.key": "is no key", "hook.sh": "interpreter"}},
		{name: "no end of the last line", write: func(text string) string { return strings.TrimSuffix(text, "\n") }},
	} {
		for name, file := range everyFile(t) {
			fsys := everyFile(t)
			want := load(t, fsys)
			text := tt.write(string(file.Data))
			expected, other := tt.unlike[name]
			if !other {
				expected = tt.want
			}
			if name == "hook.sh" && strings.HasPrefix(tt.name, "Latin-1") {
				text, expected = strings.Replace(string(file.Data), "says", "s\xe4gt", 1), reads
			}
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
			got, problems := Check(fsys)
			what := tt.name + ": " + name
			if expected == reads {
				checkSame(t, what, want, got, problems)
			} else {
				checkRefused(t, what, name, expected, problems)
			}
		}
	}
}

func checkSame(t *testing.T, what string, want, got *Site, problems Problems) {
	t.Helper()
	if len(problems) > 0 {
		t.Errorf("%s: expected it to be read\n%s", what, problems.Text())
		return
	}
	want, got = withoutPlaces(want), withoutPlaces(got)
	if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

// withoutPlaces takes away where things are written, and the bytes of hooks, of which only the meaning
// counts.
func withoutPlaces(s *Site) *Site {
	out := *s
	dhcp := *out.WAN.DHCP
	dhcp.Hooks = nil
	out.WAN.DHCP = &dhcp
	return &out
}

func checkRefused(t *testing.T, what, name, word string, problems Problems) {
	t.Helper()
	if !problems.Failed() {
		t.Errorf("%s: it is read; expected %q", what, word)
	}
	said := map[string]bool{}
	for _, p := range problems {
		said[p.File] = true
		if name == "tunnel.key" && p.Excerpt != "" {
			t.Errorf("%s: the key is shown", what)
		}
	}
	if len(problems) != 1 || !maps.Equal(said, map[string]bool{name: true}) || !strings.Contains(problems.Text(), word) {
		t.Errorf("%s: expected %q and nothing that follows\n%s", what, word, problems.Text())
	}
}

// TestMisnamed gives each file of a site the names that editors and systems give it: it is not read, which is
// said.
func TestMisnamed(t *testing.T) {
	for name := range quietSite(t) {
		for _, other := range []string{name + ".txt", name + ".conf", strings.ToUpper(name[:1]) + name[1:], strings.ToUpper(name)} {
			fsys := quietSite(t)
			fsys[other] = fsys[name]
			_, problems := Check(fsys)
			if len(problems) > 0 {
				t.Errorf("%s beside %s: %v", other, name, problems)
			}
			delete(fsys, name)
			s, problems := Check(fsys)
			want := name + ": is not there, and " + other + " is, which is not read; expected the name " + name + "\n"
			if s != nil || !strings.Contains(problems.Text(), want) || problems.Count(Error) != 1 {
				t.Errorf("%s in place of %s: %s", other, name, problems.Text())
			}
		}
	}
}

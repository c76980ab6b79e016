package known

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func key(t testing.TB) ssh.PublicKey {
	t.Helper()
	k, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestIs(t *testing.T) {
	for _, tt := range []struct {
		hosts, name string
		want        bool
	}{
		{"a", "a", true},
		{"A,b", Name("B", 22), true},
		{"a", Name("a", 2222), false},
		{"[a]:2222", Name("a", 2222), true},
		{"[a]:2222", "a", false},
		{"*.lan,!x.lan", "y.lan", true},
		{"*.lan,!x.lan", "x.lan", false},
		{"!x.lan", "y.lan", false},
		{"192.168.?.*", "192.168.1.20", true},
		{"*a*b*c", "xaybzbc", true},
		{"*a*b*c", "xaybzb", false},
		{"2001:db8::1", NameOf("[2001:db8::1]:22"), true},
		{Hash("a"), "a", true},
		{Hash("a"), "b", false},
		{"|2|YQ==|YQ==", "a", false},
		{"|1|YQ==", "a", false},
	} {
		lines := Parse([]byte(Entry(tt.hosts, key(t)) + " comment\n"))
		if got := lines[0].Is(tt.name); got != tt.want {
			t.Errorf("%q is %q: %v", tt.hosts, tt.name, got)
		}
	}
}

// TestParse: what is no entry hinders nothing.
func TestParse(t *testing.T) {
	entry := Entry("a", key(t))
	lines := Parse([]byte("# a comment\n\na ssh-ed25519 nonsense\n@revoked " + entry + "\r\n" + strings.Replace(entry, "ssh-ed", "ssh-xx", 1) + "\n" + entry))
	if len(lines) != 6 || lines[2].Key != nil || lines[3].Marker != Revoked || lines[4].Key != nil || lines[5].Number != 6 || !lines[5].Same(key(t)) {
		t.Errorf("%+v", lines)
	}
}

// FuzzParse: each line is there, and is about itself if it is plain.
func FuzzParse(f *testing.F) {
	f.Add("a,b ssh-ed25519 AAAA\n")
	f.Add(Entry(Hash("a"), key(f)) + "\n@cert-authority *.lan " + Entry("", key(f))[1:])
	f.Fuzz(func(t *testing.T, text string) {
		lines := Parse([]byte(text))
		var all strings.Builder
		for _, l := range lines {
			all.WriteString(l.Text + "\n")
			if first, _, _ := strings.Cut(l.Hosts, ","); l.Plain() && first != "" && !l.Is(strings.ToLower(first)) {
				t.Errorf("%q is not about %q", l.Text, first)
			}
		}
		if strings.TrimSuffix(all.String(), "\n") != strings.TrimSuffix(text, "\n") {
			t.Errorf("%q became %q", text, all.String())
		}
	})
}

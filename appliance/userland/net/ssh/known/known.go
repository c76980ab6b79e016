// Package known is files of known hosts as text (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): which lines are about
// a host, and lines to be added. Hosts are names as such files have them: "host", or "[host]:port" if the
// port is not 22.
//
// A line that is no entry is none: it is kept by whoever writes the file anew, and hinders nobody. It leaves
// to others: which file, and what a key that is not known means.
package known

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Markers of lines.
const (
	Authority = "cert-authority"
	Revoked   = "revoked"
)

// A Line is one of a file. One that is no entry has no key.
type Line struct {
	Text    string // without its end
	Number  int    // from 1
	Marker  string
	Hosts   string // patterns, or one name that is hashed
	Key     ssh.PublicKey
	Comment string
}

// Parse reads a file.
func Parse(text []byte) (all []Line) {
	for line := range strings.Lines(string(text)) {
		l := Line{Text: strings.TrimSuffix(line, "\n"), Number: len(all) + 1}
		marker, hosts, key, comment, _, err := ssh.ParseKnownHosts([]byte(line))
		if err == nil {
			l.Marker, l.Hosts, l.Key, l.Comment = marker, strings.Join(hosts, ","), key, comment
		}
		all = append(all, l)
	}
	return all
}

// Name is how a host is called in the file.
func Name(host string, port int) string {
	host = strings.ToLower(host)
	if port == 22 {
		return host
	}
	return fmt.Sprintf("[%s]:%d", host, port)
}

// NameOf is Name of an address, "host:port".
func NameOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return strings.ToLower(address)
	case port == "22":
		return strings.ToLower(host)
	}
	return "[" + strings.ToLower(host) + "]:" + port
}

// Is reports whether the line is an entry about the host of that name.
func (l Line) Is(name string) bool {
	if l.Key == nil {
		return false
	}
	if l.Hashed() {
		return hashedIs(l.Hosts, name)
	}
	found := false
	for pattern := range strings.SplitSeq(strings.ToLower(l.Hosts), ",") {
		pattern, not := strings.CutPrefix(pattern, "!")
		switch {
		case !match(pattern, name):
		case not:
			return false
		default:
			found = true
		}
	}
	return found
}

// Same reports whether the line has that key.
func (l Line) Same(key ssh.PublicKey) bool {
	return l.Key != nil && bytes.Equal(l.Key.Marshal(), key.Marshal())
}

// Hashed reports whether the name can be compared, and not read.
func (l Line) Hashed() bool { return strings.HasPrefix(l.Hosts, "|") }

// Plain reports whether the line has names that could be hashed: no patterns.
func (l Line) Plain() bool {
	return l.Key != nil && l.Marker == "" && !l.Hashed() && !strings.ContainsAny(l.Hosts, "*?!")
}

// Entry is a line to be added.
func Entry(hosts string, key ssh.PublicKey) string {
	return hosts + " " + strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n")
}

// hashScheme is the only one there is: HMAC-SHA1 with a salt of 20 bytes.
const hashScheme = "|1|"

// Hash is a name that cannot be read.
func Hash(name string) string {
	salt := make([]byte, sha1.Size)
	_, _ = rand.Read(salt) // never fails
	return hashScheme + base64.StdEncoding.EncodeToString(salt) + "|" +
		base64.StdEncoding.EncodeToString(sum(salt, name))
}

func sum(salt []byte, name string) []byte {
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(name))
	return mac.Sum(nil)
}

func hashedIs(hashed, name string) bool {
	text, ok := strings.CutPrefix(hashed, hashScheme)
	first, second, two := strings.Cut(text, "|")
	if !ok || !two {
		return false
	}
	salt, err := base64.StdEncoding.DecodeString(first)
	if err != nil {
		return false
	}
	want, err := base64.StdEncoding.DecodeString(second)
	return err == nil && hmac.Equal(want, sum(salt, name))
}

// match: * is any characters, ? is one, all others are themselves.
func match(pattern, name string) bool {
	star, from := -1, 0 // where the last * was, and what of the name it may have taken
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from, p = p, n, p+1
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p, n = p+1, n+1
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

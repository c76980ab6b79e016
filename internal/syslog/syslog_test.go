package syslog

import (
	"strings"
	"testing"
	"time"
)

func TestPriority(t *testing.T) {
	for text, want := range map[string]string{
		"err": "user.err", "ERROR": "user.err", "daemon.warn": "daemon.warning", "security.panic": "auth.emerg",
		"local7.debug": "local7.debug", "3": "user.err", "kern.crit": "kern.crit",
	} {
		n, err := Priority(text)
		if got := Name(n); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", "err.", ".err", "nosuch.err", "user.nosuch", "8", "-1"} {
		if n, err := Priority(text); err == nil {
			t.Errorf("%q is %d", text, n)
		}
	}
	if got := Name(13 << 3); got != "13.emerg" {
		t.Errorf("a facility without a name is %s", got)
	}
}

func TestParse(t *testing.T) {
	for datagram, want := range map[string]string{
		"<30>Nov  9 19:27:14 dhcp[12]: text\n": "daemon.info dhcp[12]: text",
		"<13>text":                             "user.notice text",
		"Nov 29 19:27:14 text":                 "user.notice text",
		"two\nlines":                           "user.notice two lines",
		"<x>text":                              "user.notice <x>text",
		"<9999>text":                           "user.notice <9999>text",
		"<13>Nov 31 19:27:14 text":             "user.notice Nov 31 19:27:14 text",
		"<13>\n":                               "",
		"":                                     "",
	} {
		m, ok := Parse([]byte(datagram))
		got := ""
		if ok {
			got = m.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", datagram, got, want)
		}
	}
	at := time.Date(2026, 11, 9, 1, 2, 3, 0, time.UTC)
	if got := string(Format(30, at, "tag", "text")); got != "<30>Nov  9 01:02:03 tag: text" {
		t.Errorf("%q", got)
	}
}

// FuzzParse: whatever is sent is one line, or nothing.
func FuzzParse(f *testing.F) {
	f.Add([]byte("<30>Nov  9 19:27:14 dhcp[12]: text\n"))
	f.Add([]byte("<191>\n\n"))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		if m, ok := Parse(datagram); ok && (strings.Contains(m.String(), "\n") || m.Priority < 0) {
			t.Errorf("%q is %q", datagram, m)
		}
	})
}

package client

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A Destination is another machine.
type Destination struct {
	User string // "": nobody is named
	Host string // without brackets
	Port int    // 0: none is named
}

// Parse reads "[user@]host", "ssh://[user@]host[:port]", of the scheme that the program has. An address of
// IPv6 may be in brackets.
func Parse(text, scheme string) (d Destination, err error) {
	if rest, ok := strings.CutPrefix(text, scheme+"://"); ok {
		return parseURL(strings.TrimSuffix(rest, "/"))
	}
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		d.User, text = text[:at], text[at+1:]
		if d.User == "" {
			return d, fmt.Errorf("%q: expected a user before @", text)
		}
	}
	d.Host = text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		d.Host = text[1 : len(text)-1]
	}
	return d, d.valid()
}

// ParseJump reads a machine on the way to another one, which may have a port: "[user@]host[:port]".
func ParseJump(text string) (d Destination, err error) {
	if rest, ok := strings.CutPrefix(text, "ssh://"); ok {
		return parseURL(rest)
	}
	if strings.Count(text, ":") == 1 || strings.Contains(text, "]:") {
		return parseURL(text)
	}
	return Parse(text, "ssh")
}

func parseURL(text string) (d Destination, err error) {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		if d.User, err = url.PathUnescape(text[:at]); err != nil {
			return d, err
		}
		text = text[at+1:]
	}
	d.Host = text
	if host, port, err := net.SplitHostPort(text); err == nil {
		d.Host = host
		if d.Port, err = strconv.Atoi(port); err != nil || d.Port < 1 || d.Port > 65535 {
			return d, fmt.Errorf("port %q: expected 1 to 65535", port)
		}
	}
	d.Host = strings.TrimSuffix(strings.TrimPrefix(d.Host, "["), "]")
	return d, d.valid()
}

func (d Destination) valid() error {
	if d.Host == "" || strings.HasPrefix(d.Host, "-") || strings.ContainsAny(d.Host, " \t\r\n/@") {
		return fmt.Errorf("%q: expected the name or the address of a machine", d.Host)
	}
	return nil
}

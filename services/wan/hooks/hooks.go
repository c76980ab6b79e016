// Package hooks is what a program of the site is told of the way out: the event's name, and
// the environment that scripts of udhcpc know (busybox, networking/udhcp/dhcpc.c), so that
// what people have written for it goes on to work.
//
// It guarantees that a value is one printable line, whatever a server has sent, that names
// of hosts have no character that is of use to who attacks a script, and that all together
// has a bound. What is in it is nevertheless the word of a stranger. Starting programs is
// left to services/wan/hooks/runner.
//
// It differs from udhcpc where that passes on what is damaged: a list of routes or names
// that cannot be read to its end is empty; characters that are not printable are escaped
// (\x1b); and a time zone west of Greenwich is negative on every machine.
package hooks

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Name is the name of an event, the first argument of the program.
type Name string

// The events, as udhcpc has them.
const (
	Deconfig  Name = "deconfig"  // the link is to have no address
	Bound     Name = "bound"     // there is a new lease
	Renew     Name = "renew"     // the lease holds longer; it may have changed
	NAK       Name = "nak"       // a server refused the lease
	LeaseFail Name = "leasefail" // no server gave a lease
)

// An Event is what happened.
type Event struct {
	Name      Name
	Interface string
	// Message is what a server said: with Bound, Renew and NAK; otherwise nil.
	Message *Message
}

// A Message is what of a server's message a program gets to see. Who wants it to see what is
// believed in place of what was said, changes or leaves out the options.
type Message struct {
	IP       netip.Addr // the client's
	NextIP   netip.Addr // siaddr; the zero Addr or 0.0.0.0: none
	RelayIP  netip.Addr // giaddr; the same
	BootFile []byte     // file and sname, unless they hold options
	Server   []byte
	Options  []Option // of each code the first counts
}

// An Option is one option as on the wire.
type Option struct {
	Code uint8
	Data []byte
}

// A Run is what became of a program that was told of an event.
type Run struct {
	Hook    string        `json:"hook"`
	Event   Name          `json:"event,omitempty"`    // "": it has not run yet
	Ended   time.Duration `json:"ended_ns,omitempty"` // since the kernel started
	Problem string        `json:"problem,omitempty"`  // "": it ended well
}

// MaxData is how many bytes of option values are looked at, in the order of the options. The
// messages that a client takes are shorter.
const MaxData = 4096

// Environ returns the environment of an event: each name once, in no order that matters.
func Environ(e Event) []string {
	env := []string{"interface=" + printable.String(e.Interface)}
	m := e.Message
	if m == nil {
		return env
	}
	add := func(name, value string) { env = append(env, name+"="+value) }
	var seen [256]bool
	room := MaxData
	for _, o := range m.Options {
		const pad, overload, end = 0, 52, 255 // about the form of a message
		if o.Code == pad || o.Code == overload || o.Code == end || seen[o.Code] || len(o.Data) > room {
			continue
		}
		seen[o.Code], room = true, room-len(o.Data)
		name, kind := optionOf(o.Code)
		add(name, kind.format(o.Data))
		if name == "subnet" && len(o.Data) == 4 {
			add("mask", fmt.Sprint(ones(o.Data)))
		}
	}
	if m.IP.Is4() {
		add("ip", m.IP.String())
	}
	for _, a := range []struct {
		name string
		addr netip.Addr
	}{{"siaddr", m.NextIP}, {"giaddr", m.RelayIP}} {
		if a.addr.Is4() && !a.addr.IsUnspecified() {
			add(a.name, a.addr.String())
		}
	}
	for _, f := range []struct {
		name string
		text []byte
		room int // in a message
	}{{"boot_file", m.BootFile, 128}, {"sname", m.Server, 64}} {
		if s := text(f.text[:min(len(f.text), f.room)]); s != "" {
			add(f.name, s)
		}
	}
	return env
}

// text returns what a C program takes bytes for, in printable characters.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return printable.String(s)
}

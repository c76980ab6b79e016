package tunnel6in4

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Code is what the broker answered: a word of its own, or one of ours for what is no answer.
type Code string

// The words of the API, which is that of dyndns2, and ours.
const (
	Good     Code = "good"     // it is taken
	NoChange Code = "nochg"    // it was so before; clients that cause this often are blocked
	BadAuth  Code = "badauth"  // user or key are wrong
	BadAgent Code = "badagent" // the client is not wanted
	Abuse    Code = "abuse"    // blocked, for asking too often
	NoHost   Code = "nohost"   // there is no such tunnel
	NotFQDN  Code = "notfqdn"  // the id is none of a tunnel
	NotYours Code = "!yours"   // the tunnel is another's
	NumHost  Code = "numhost"  // too many tunnels
	NotPaid  Code = "!donator" // not for this user
	DNSError Code = "dnserr"   // trouble of the broker's
	Trouble  Code = "911"      // trouble of the broker's, or work on it

	Unknown     Code = "unknown"     // an answer that is none of these
	HTTPRefused Code = "http-4xx"    // a status that asking again does not change
	HTTPTrouble Code = "http-5xx"    // a status of a server in trouble, or that wants to be asked less
	Redirected  Code = "http-3xx"    // not followed: the key is for this server alone
	Silent      Code = "silent"      // no answer in time, or a broken one
	Untrusted   Code = "certificate" // the server's certificate is not accepted, so it was told nothing
	Unreached   Code = "unreached"   // there was no connection, or no address of its name
)

// Class is what an outcome means for asking again.
type Class uint8

// The classes.
const (
	Passing  Class = iota // asked again later
	Accepted              // the broker knows
	Refused               // asking again the same is useless, and may get us blocked
)

// Class returns that of a code.
func (c Code) Class() Class {
	switch c {
	case Good, NoChange:
		return Accepted
	case BadAuth, BadAgent, Abuse, NoHost, NotFQDN, NotYours, NumHost, NotPaid, HTTPRefused, Redirected:
		return Refused
	}
	return Passing
}

// Means says what a code means, as the end of a sentence that begins with the broker.
func (c Code) Means() string {
	switch c {
	case Good:
		return "has taken our address"
	case NoChange:
		return "had our address already"
	case BadAuth:
		return "refuses user or key: look at user and key-file of [tunnel.update]"
	case BadAgent:
		return "does not want this program to ask"
	case Abuse:
		return "has blocked us for asking too often: its pages say how to be let in again"
	case NoHost, NotFQDN, NotYours:
		return "knows no such tunnel of this user: look at tunnel of [tunnel.update]"
	case NumHost, NotPaid:
		return "does not do that for this user"
	case DNSError, Trouble:
		return "is in trouble itself"
	case HTTPRefused:
		return "refuses the request: look at url of [tunnel.update]"
	case HTTPTrouble:
		return "is in trouble itself, or busy"
	case Redirected:
		return "is elsewhere, where the key is not sent: look at url of [tunnel.update]"
	case Silent:
		return "does not answer"
	case Untrusted:
		return "shows a certificate that is not accepted, so it was told nothing"
	case Unreached:
		return "is not reached"
	}
	return "answers what nobody understands; does it reach us by ping?"
}

// An Outcome is what came of asking once.
type Outcome struct {
	Code Code
	// Text is what was answered, or why there is no answer: printable, and without the key.
	Text string     `json:",omitzero"`
	Addr netip.Addr `json:",omitzero"` // the endpoint, as the broker has it now
}

// maxText bounds what is kept of an answer, in bytes.
const maxText = 200

// Read makes an Outcome of a response of HTTP. Of a body the first line counts; a status of 200 without a
// word that is known is Unknown.
func Read(status int, body []byte) Outcome {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	line = printable.Cut(strings.TrimSpace(line), maxText)
	word, rest, _ := strings.Cut(line, " ")
	o := Outcome{Code: Unknown, Text: line}
	switch c := Code(strings.ToLower(word)); c {
	case Good, NoChange:
		o.Code = c
		o.Addr, _ = netip.ParseAddr(strings.TrimSpace(rest))
		if !o.Addr.Is4() {
			o.Addr = netip.Addr{}
		}
	case BadAuth, BadAgent, Abuse, NoHost, NotFQDN, NotYours, NumHost, NotPaid, DNSError, Trouble:
		o.Code = c
	}
	switch {
	case status == 200:
	case status == 401 && o.Code.Class() != Refused:
		o.Code = BadAuth
	case o.Code.Class() == Refused || o.Code == DNSError || o.Code == Trouble: // some say it in both
	case status == 429 || status == 408 || status >= 500 || status < 300:
		o.Code = HTTPTrouble
	case status < 400:
		o.Code = Redirected
	default:
		o.Code = HTTPRefused
	}
	if o.Code.Class() != Accepted {
		o.Addr = netip.Addr{}
	}
	if status != 200 {
		o.Text = strings.TrimSpace(fmt.Sprintf("HTTP %d %s", status, line))
	}
	return o
}

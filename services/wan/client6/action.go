package client6

import (
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// An Action is something to be done by who calls: a Send, Store, Forget or Event.
type Action interface{ action() }

// Send is a message from port 546 to all servers on the link: ff02::1:2, port 547.
type Send struct {
	Type    dhcpv6.MessageType
	Message []byte // the UDP payload
}

// Store asks for a lease to be kept. What follows it is to wait until it is on stable storage,
// or is known never to get there.
type Store struct{ Lease Lease }

// Forget asks for the kept lease to be deleted.
type Forget struct{}

func (Send) action()   {}
func (Store) action()  {}
func (Forget) action() {}
func (Event) action()  {}

// Name is the name of an Event, after those of odhcp6c's scripts.
type Name string

// The events.
const (
	Bound6    Name = "bound6"    // there was nothing, and now there is
	Updated6  Name = "updated6"  // it holds longer, or is something else
	Unbound6  Name = "unbound6"  // there is nothing any more
	Informed6 Name = "informed6" // resolvers and the like, without a lease
	Fail6     Name = "fail6"     // an attempt came to nothing
)

// Cause is why something happened.
type Cause string

// The causes.
const (
	Answered    Cause = "answered"     // a server gave it
	Extended    Cause = "extended"     // its server renewed it
	Rebound     Cause = "rebound"      // another server renewed it
	Restarted   Cause = "restarted"    // this client was started again; its lease still runs
	Silent      Cause = "silent"       // no server answers: a kept lease is used
	Withdrawn   Cause = "withdrawn"    // a server took it back
	Refused     Cause = "refused"      // a server said no
	NoReply     Cause = "no-reply"     // a server did not answer for what it had offered
	NotBelieved Cause = "not-believed" // what a server gives cannot be ours
	Expired     Cause = "expired"      // its valid lifetime ended
	InUse       Cause = "in-use"       // another station has the address
	ByHand      Cause = "by-hand"      // somebody said so
	Foreign     Cause = "foreign"      // a kept lease is of another link or client
)

// An Event is reported to whoever applies it.
type Event struct {
	Name  Name          `json:"name"`
	Cause Cause         `json:"cause"`
	Text  string        `json:"text"`  // a sentence for people
	At    time.Duration `json:"at_ns"` // Now.Up
	// Said is what holds from now on; of Fail6, what holds as before.
	Said    wan.Said6    `json:"said"`
	Remarks []wan.Remark `json:"remarks"` // what of the server's words was left out
}

func (c *Client) report(e Event) {
	e.At, e.Said = c.now.Up, c.Said()
	c.out = append(c.out, e)
	if e.Name == Fail6 || e.Name == Unbound6 {
		c.problem = e.Text
	} else if c.lease != nil {
		c.problem = ""
	}
}

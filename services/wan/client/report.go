package client

import (
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

func (c *Client) report(e Event) {
	e.At = c.now.Up
	c.out = append(c.out, e)
	switch e.Name {
	case LeaseFail, Deconfig, NAK:
		c.problem = e.Text
	default:
		c.problem = ""
	}
}

// until says for how long a lease holds, for people.
func (c *Client) until(l *held) string {
	return untilText(l.Term.End, c.now.Up)
}

func untilText(end, now time.Duration) string {
	if end == wan.Never {
		return "the lease has no end"
	}
	return "the lease holds for another " + span.Text(end-now)
}

// deconfig takes the lease in use back.
func (c *Client) deconfig(cause Cause, format string, args ...any) {
	l := c.lease
	c.lease, c.rival = nil, nil
	c.report(Event{
		Name: Deconfig, Cause: cause, Changed: true, Facts: l.facts, Term: l.Term,
		Text: fmt.Sprintf(format, args...),
	})
}

func (c *Client) leaseFail(cause Cause, format string, args ...any) {
	c.report(Event{Name: LeaseFail, Cause: cause, Text: fmt.Sprintf(format, args...)})
}

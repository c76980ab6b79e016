package run

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
)

// A Report is what the way out is, for init, which applies it, and what has happened since the Report before
// to the same follower; in the first one, since as long as is remembered.
type Report struct {
	Facts *wan.Facts `json:"facts"` // nil: there is none
	Term  wan.Term   `json:"term"`
	News  []News     `json:"news,omitempty"` // the oldest first; Facts are those after the last
	Six
}

// News is an event for programs of the site.
type News struct {
	// Number ascends from event to event, over restarts of the service too, so that who follows again knows
	// what he was told.
	Number  time.Duration `json:"number"`
	Name    client.Name   `json:"name"`
	Link    string        `json:"link"`
	Message *wan.Message  `json:"message,omitempty"` // as in client.Event
}

// maxNews is how many are remembered for who does not follow just then. They are some kilobytes each.
const maxNews = 8

// reports are the current Report, and those who follow it.
type reports struct {
	mu      sync.Mutex
	settled bool          // it is known whether there is a way out: a lease that is kept was looked at
	now     Report        // with the last News
	changed chan struct{} // closed when there is another
}

// event adds an event, and what holds after it: for a moment still what it ends, if it is replaced.
func (r *reports) event(link string, e client.Event, replaced bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Name {
	case client.BoundTo, client.Renewed:
		r.now.Facts, r.now.Term = &e.Facts, e.Term
	case client.Deconfig:
		if !replaced {
			r.now.Facts, r.now.Term = nil, e.Term
		}
	}
	n := News{Number: e.At, Name: e.Name, Link: link, Message: e.Message}
	news := r.now.News
	if last := len(news) - 1; last >= 0 && n.Number <= news[last].Number {
		n.Number = news[last].Number + 1
	}
	r.now.News = append(slices.Clone(news[max(0, len(news)+1-maxNews):]), n) // followers have the others
	r.wake()
}

// none says that there is no way out, though nothing has happened.
func (r *reports) none() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Facts, r.now.Term = nil, wan.Term{}
	r.wake()
}

func (r *reports) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// settle begins to tell.
func (r *reports) settle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = true
	r.wake()
}

// current returns the report, whether it may be told, and what is closed when there is another.
func (r *reports) current() (Report, bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now, r.settled, r.changed
}

// answerFollow sends the Report there is, and each that is another, as long as somebody listens. It never
// says that there is no way out only because the service has just started: whoever follows keeps what he
// knows till then.
func (s *Service) answerFollow(ctx context.Context, _ json.RawMessage, send func(any) error) error {
	var told time.Duration
	for {
		report, settled, changed := s.reports.current()
		if settled {
			i := slices.IndexFunc(report.News, func(n News) bool { return n.Number > told })
			if i < 0 {
				i = len(report.News)
			}
			if report.News = report.News[i:]; len(report.News) > 0 {
				told = report.News[len(report.News)-1].Number
			}
			if err := send(report); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// history are the last events, oldest first.
type history struct{ events []client.Event }

const historySize = 50

func (h *history) add(e client.Event) {
	e.Message = nil // it is for programs, and large
	if len(h.events) == historySize {
		h.events = slices.Delete(h.events, 0, 1)
	}
	h.events = append(h.events, e)
}

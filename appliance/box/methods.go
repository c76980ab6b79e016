package box

import (
	"context"
	"encoding/json"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// Running is the result of the control method "site": which site runs, and why.
type Running struct {
	Number int         `json:"number"` // 0: the image's
	Meta   bundle.Meta `json:"meta"`
	Hash   string      `json:"hash"`
	Trial  *TrialInfo  `json:"trial,omitempty"`
	Last   string      `json:"last,omitempty"` // what became of the last trial
	Note   string      `json:"note,omitempty"` // why not the site that was kept
}

// Ending is the argument of "confirm" and "rollback".
type Ending struct {
	Number int    `json:"number,omitempty"` // 0: whichever is on trial
	By     Person `json:"by"`
}

// Running says which site runs.
func (b *Box) Running() Running {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := Running{Number: b.runs.Number, Meta: b.runs.Meta, Hash: b.runs.Hash(), Last: b.last, Note: b.note}
	if b.trial != nil {
		i := b.trial.info()
		r.Trial = &i
	}
	return r
}

// Methods are what a box answers:
//
//	site                  one result, Running
//	apply     Submission  Progress, twice
//	confirm   Ending      one result, the number
//	rollback  Ending      one result, the number of what was on trial
func (b *Box) Methods() control.Mux {
	return control.Mux{
		"site": func(_ context.Context, _ json.RawMessage, send func(any) error) error {
			return send(b.Running())
		},
		"apply": func(_ context.Context, raw json.RawMessage, send func(any) error) error {
			var s Submission
			if err := control.Decode(raw, &s); err != nil {
				return err
			}
			// An error of send is nobody's: who is cut off by the change is what the trial is for.
			return b.Submit(s, func(p Progress) { _ = send(p) })
		},
		"confirm":  b.ending(b.Confirm),
		"rollback": b.ending(func(_ int, by Person) (int, error) { return b.Rollback(by) }),
	}
}

func (b *Box) ending(end func(number int, by Person) (int, error)) control.Handler {
	return func(_ context.Context, raw json.RawMessage, send func(any) error) error {
		var e Ending
		if err := control.Decode(raw, &e); err != nil {
			return err
		}
		n, err := end(e.Number, e.By)
		if err != nil {
			return err
		}
		return send(n)
	}
}

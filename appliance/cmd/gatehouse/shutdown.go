package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
	"github.com/gatehouse-os/gatehouse/internal/span"
)

// shutdownMethod is the method of init that plans the end of the machine, or takes it back.
const shutdownMethod = "shutdown"

// farthest is the latest end that can be asked for.
const farthest = 366 * 24 * time.Hour

// An end is what is asked of init.
type end struct {
	Kind   boot.Kind     `json:"kind,omitempty"`
	In     time.Duration `json:"in_ns,omitempty"`
	Why    string        `json:"why,omitempty"`
	Cancel bool          `json:"cancel,omitempty"`
}

const shutdownHelp = `	-h -P	power off (default)
	-r -H	restart; stop, still powered
	-c	take back what was asked for
TIME is now, +MINUTES or HH:MM. You need not wait: it comes though you log out.
`

// shutdown is the command, as systemd's: what is pending is init's.
func shutdown() command.Command {
	return command.Command{
		Usage: "[-h | -P | -r | -H] TIME [MESSAGE]... | -c", Help: shutdownHelp, Letters: "+hPrHc",
		Long: map[string]byte{"poweroff": 'P', "reboot": 'r', "halt": 'H'},
		Run:  func(c *command.Call) { runShutdown(c, time.Now().In(zone.Local()), boot.Request, askInit) },
	}
}

// askInit has init plan it.
func askInit(ctx context.Context, e end) error {
	return control.Call(ctx, runDir, admin.InitService, shutdownMethod, e, nil)
}

func runShutdown(c *command.Call, now time.Time, request func(boot.Kind) error,
	ask func(context.Context, end) error) {
	e := end{Kind: boot.PowerOff, Cancel: c.Has('c')}
	for _, o := range c.Options {
		if kind, ok := map[byte]boot.Kind{'r': boot.Reboot, 'H': boot.Halt}[o.Letter]; ok {
			e.Kind = kind
		}
	}
	var err error
	switch {
	case e.Cancel && len(c.Options)+len(c.Args) > 1:
		c.Misused("-c stands alone")
		return
	case e.Cancel:
		err = ask(c.Context, end{Cancel: true})
	case len(c.Args) == 0:
		c.Misused("expected when: now, +MINUTES or HH:MM")
		return
	default:
		if e.In, err = wait(c.Args[0], now); err != nil {
			c.Misused("%v", err)
			return
		}
		e.Why = strings.Join(c.Args[1:], " ")
		if e.In == 0 {
			err = request(e.Kind)
		} else if err = ask(c.Context, e); err == nil {
			at := now.Add(e.In).Format("15:04:05 MST on Mon Jan _2")
			fmt.Fprintf(c.Stdout, "%s in %v, at %s; shutdown -c takes it back\n", e.Kind,
				span.Text(e.In), at)
		}
	}
	if err != nil {
		c.Fail(err)
	}
}

// wait is how long it is until a time.
func wait(text string, now time.Time) (time.Duration, error) {
	if text == "now" {
		return 0, nil
	}
	if minutes, relative := strings.CutPrefix(text, "+"); relative {
		n, err := strconv.ParseUint(minutes, 10, 31)
		if in := time.Duration(n) * time.Minute; err == nil && in <= farthest {
			return in, nil
		}
		return 0, fmt.Errorf("%q: expected +MINUTES, of a year at most", text)
	}
	at, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q: expected now, +MINUTES or HH:MM", text)
	}
	day := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, now.Location())
	if !day.After(now) {
		day = time.Date(now.Year(), now.Month(), now.Day()+1, at.Hour(), at.Minute(), 0, 0, now.Location())
	}
	return day.Sub(now), nil
}

// plansEnd answers shutdownMethod.
func plansEnd(s *boot.Schedule) control.Handler {
	return func(_ context.Context, args json.RawMessage, send func(any) error) error {
		var e end
		if err := control.Decode(args, &e); err != nil {
			return err
		}
		switch {
		case e.Cancel:
			kind := s.Cancel()
			if kind == "" {
				return errors.New("no end of this machine is pending")
			}
			s.Say("%s is taken back", kind)
			return send(struct{}{})
		case e.Kind != boot.PowerOff && e.Kind != boot.Reboot && e.Kind != boot.Halt:
			return fmt.Errorf("%q: expected poweroff, reboot or halt", e.Kind)
		case e.In < 0 || e.In > farthest:
			return fmt.Errorf("in %v: expected a year at most", e.In)
		}
		s.Say("%s in %v was asked for: %s", e.Kind, span.Text(e.In), cmp.Or(e.Why, "nobody said why"))
		s.Set(e.Kind, e.In)
		return send(struct{}{})
	}
}

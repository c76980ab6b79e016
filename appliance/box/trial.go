package box

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// How long a site may be on trial.
const (
	DefaultTrial  = time.Minute
	ShortestTrial = time.Second
	LongestTrial  = time.Hour
)

// turnTime is how long a submission waits for what else changes the box, such as a link that comes.
const turnTime = 10 * time.Second

// tellTime is how long before the network changes somebody is told so by the network: his connection may be
// cut by it, and until then it is on the way through a process, a cipher and a cable.
const tellTime = 300 * time.Millisecond

// A Person is who wants something of the box.
type Person struct {
	Who  string `json:"who"`  // the comment of the key that opened the door; "console" on the console
	From string `json:"from"` // the address; "" on the console
	// Connected is when the connection came in, since the kernel started; 0 on the console.
	Connected time.Duration `json:"connected_ns,omitempty"`
}

// String is the person as others are told of him.
func (p Person) String() string {
	if p.From == "" {
		return p.Who
	}
	return p.Who + " from " + p.From
}

// A trial is another site before it is confirmed.
type trial struct {
	TrialInfo
	before Site
	timer  *time.Timer
	began  time.Duration // when it was applied, since the kernel started
}

// TrialInfo is what others may know of a trial.
type TrialInfo struct {
	Number int           `json:"number"`
	By     Person        `json:"by"`
	What   string        `json:"what,omitempty"`
	Left   time.Duration `json:"left_ns"` // until it is taken back
	end    time.Time
}

// Submission is the argument of the control method "apply".
type Submission struct {
	File   string        `json:"file"`           // a bundle, which the box removes
	On     string        `json:"on"`             // Hash of the site that it was compared with
	Within time.Duration `json:"within_ns"`      // of the trial; 0: DefaultTrial
	What   string        `json:"what,omitempty"` // in words of the person
	By     Person        `json:"by"`
}

// Progress is a result of "apply": first with the number, before anything is touched, then with how long it
// took.
type Progress struct {
	Number int           `json:"number"`
	Within time.Duration `json:"within_ns,omitempty"`
	Took   time.Duration `json:"took_ns,omitempty"` // 0: it is about to be applied
	Kept   bool          `json:"kept,omitempty"`    // nothing runs otherwise for it: it needs no trial
	// Missing says which links of the site the machine does not have; what is on them is not served.
	Missing string `json:"missing,omitempty"`
}

// Submit puts another site on trial. tell is called before anything is touched and when all is done; its
// errors are nobody's: who asked may have been cut off by what he asked for. With an error the box is what it
// was.
func (b *Box) Submit(s Submission, tell func(Progress)) error {
	next, err := b.read(s)
	if err != nil {
		return err
	}
	within := min(max(s.Within, ShortestTrial), LongestTrial)
	if s.Within == 0 {
		within = DefaultTrial
	}
	turn, cancel := context.WithTimeout(b.life, turnTime)
	defer cancel()
	if !b.hold(turn) {
		return errors.New("the box is being changed this moment; try again")
	}
	defer b.release()
	if err := b.free(s); err != nil {
		return err
	}
	before, p := b.runs, b.planOf(next) // nobody else writes runs while the world is held
	if err := b.check(p); err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	next.Meta = b.meta(s)
	if next.Number, err = b.Store.Stage(next.Files, next.Meta); err != nil {
		return fmt.Errorf("nothing was touched: the site could not be kept: %w", err)
	}
	same := plan.Same(p, b.plan)
	tell(Progress{Number: next.Number, Within: within, Kept: same})
	if s.By.From != "" && !reflect.DeepEqual(p.Network, b.plan.Network) {
		b.pause(tellTime)
	}
	begin := b.Uptime()
	if err := b.change(next, p, before); err != nil {
		return errors.Join(err, b.Store.Discard())
	}
	took := b.Uptime() - begin
	b.Log("site %d of %v applied in %v", next.Number, s.By, took.Round(time.Millisecond))
	if same {
		if err := b.keep(next.Number); err != nil {
			return err
		}
	} else {
		b.try(next, before, s, within)
	}
	done := Progress{Number: next.Number, Within: within, Took: max(took, 1), Kept: same}
	if b.missing != nil {
		done.Missing = b.missing.Error()
	}
	tell(done)
	return nil
}

// pause waits, unless the machine ends.
func (b *Box) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-b.life.Done():
	}
}

// read takes the site of a submission. Its problems are all in the error.
func (b *Box) read(s Submission) (Site, error) {
	data, err := statefile.Read(s.File, bundle.MaxPacked)
	if err != nil {
		return Site{}, err
	}
	if err := os.Remove(s.File); err != nil {
		return Site{}, err
	}
	files, err := bundle.Open(data)
	if err != nil {
		return Site{}, err
	}
	return Load(0, files)
}

// free reports why no other site can be taken now.
func (b *Box) free(s Submission) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.trial != nil:
		i := b.trial.info()
		return fmt.Errorf("site %d of %v is on trial for another %s: he must confirm it, "+
			"or gatehouse rollback takes it back", i.Number, i.By, span.Text(i.Left))
	case b.Store == nil:
		return fmt.Errorf("there is no stable storage to keep a site on: %s", b.Storage.Problem)
	case b.runs.Site == nil:
		return errors.New("the box did not start with a site: mend that first, see gatehouse status")
	case s.On != b.runs.Hash():
		return errors.New("another site runs by now than the one that this was compared with; look again")
	}
	return nil
}

func (b *Box) meta(s Submission) bundle.Meta {
	return bundle.Meta{
		Base: bundle.Hash(b.Image.Files), Who: s.By.Who, From: s.By.From, When: time.Now(), What: s.What,
	}
}

// change makes the world equal to p, or leaves it as it was.
func (b *Box) change(next Site, p plan.Plan, before Site) error {
	ctx, cancel := context.WithTimeout(b.life, applyTime)
	defer cancel()
	p, err := b.reach(ctx, next, p, false)
	if err == nil {
		b.become(next, p)
		return b.problem("back", nil)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("it took longer than %s: %w", span.Text(applyTime), err)
	}
	how := fmt.Sprintf("site %d could not be applied: %v", next.Number, err)
	b.Log("%s", how)
	b.endTrial(how) // who asked may have been cut off: who comes in to confirm hears it
	if back := b.back(before); back != nil {
		return fmt.Errorf("%w\nand the box could not be made what it was: %w", err, back)
	}
	return fmt.Errorf("%w\nthe box is what it was", err)
}

// back makes the world equal to a site that it was before.
func (b *Box) back(s Site) error {
	ctx, cancel := context.WithTimeout(b.life, applyTime)
	defer cancel()
	p, err := b.reach(ctx, s, b.planOf(s), true)
	b.become(s, p)
	return b.problem("back", err)
}

// try begins the trial of a site that runs.
func (b *Box) try(next, before Site, s Submission, within time.Duration) {
	info := TrialInfo{Number: next.Number, By: s.By, What: s.What, end: time.Now().Add(within)}
	t := &trial{TrialInfo: info, before: before, began: b.Uptime()}
	t.timer = time.AfterFunc(within, func() { b.expire(t, within) })
	b.mu.Lock()
	b.trial = t
	b.mu.Unlock()
}

func (t *trial) info() TrialInfo {
	i := t.TrialInfo
	i.Left = max(0, time.Until(i.end))
	return i
}

// expire ends a trial that nobody has confirmed.
func (b *Box) expire(t *trial, within time.Duration) {
	if !b.hold(b.life) {
		return
	}
	defer b.release()
	if b.onTrial() == t {
		b.takeBack(t, fmt.Sprintf("nobody confirmed it within %s", span.Text(within)))
	}
}

func (b *Box) onTrial() *trial {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trial
}

// takeBack ends a trial by the site before it. Who calls it holds the world.
func (b *Box) takeBack(t *trial, why string) error {
	t.timer.Stop()
	b.Log("site %d of %v is taken back: %s", t.Number, t.By, why)
	err := b.back(t.before)
	b.endTrial(fmt.Sprintf("site %d was taken back: %s", t.Number, why))
	return errors.Join(err, b.Store.Discard())
}

// endTrial leaves nothing on trial, and says how that came.
func (b *Box) endTrial(how string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trial, b.last = nil, how
}

// keep makes a site the one of the next start.
func (b *Box) keep(number int) error {
	unpruned, err := b.Store.Commit(number)
	if err != nil {
		return err
	}
	b.problem("kept sites", unpruned)
	b.problem("site", nil) // whatever the start has passed over: the next one finds this
	b.mu.Lock()
	b.note = ""
	b.mu.Unlock()
	return nil
}

// Confirm ends the trial of a site by keeping it. number is the site's; 0: whichever is on trial. By ssh, the
// connection must be newer than the change: one that was there before proves nothing.
func (b *Box) Confirm(number int, by Person) (int, error) {
	if !b.hold(b.life) {
		return 0, b.life.Err()
	}
	defer b.release()
	t := b.onTrial()
	switch {
	case t == nil:
		return 0, b.nothingOnTrial()
	case number != 0 && number != t.Number:
		return 0, fmt.Errorf("site %d is on trial, not %d", t.Number, number)
	case by.From != "" && by.Connected <= t.began:
		return 0, fmt.Errorf("this connection is older than the change, and proves nothing: "+
			"come in by a new one, and say gatehouse confirm %d", t.Number)
	}
	if err := b.keep(t.Number); err != nil {
		return 0, err
	}
	t.timer.Stop()
	b.Log("site %d of %v is confirmed by %v", t.Number, t.By, by)
	b.endTrial(fmt.Sprintf("site %d was confirmed", t.Number))
	return t.Number, nil
}

// nothingOnTrial says so, and what became of the last.
func (b *Box) nothingOnTrial() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == "" {
		return errors.New("nothing is on trial")
	}
	return errors.New("nothing is on trial; " + b.last)
}

// Rollback takes back the site that is on trial, at once.
func (b *Box) Rollback(by Person) (int, error) {
	if !b.hold(b.life) {
		return 0, b.life.Err()
	}
	defer b.release()
	t := b.onTrial()
	if t == nil {
		return 0, b.nothingOnTrial()
	}
	return t.Number, b.takeBack(t, "by "+by.String())
}

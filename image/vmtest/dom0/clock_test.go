package dom0

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// exact is how far the appliance's clock may be off when it is right, and tolerable when hosts are told
	// the time: where the machine that emulates both has more to do than it can, their clocks are up to 100
	// ms apart at times.
	exact     = 50 * time.Millisecond
	tolerable = 500 * time.Millisecond
	// rightWithin is how long it may take to be right after a restore, from the first answer of a time server
	// on: 5 s where the machine has nothing else to do. Where it has far too much, answers are lost, or so
	// late that the first ones tell too little.
	rightWithin = 20 * time.Second
	// untold is how long Xen takes to tell the appliance that it was restored. Who asks before may hear the
	// time that it had: so do questions that waited for it.
	untold = 500 * time.Millisecond
	// shortSave and longSave are for how long the appliance is saved.
	shortSave = 10 * time.Second
	longSave  = 10 * time.Minute
)

// paused stops the appliance for some seconds, behind its back. Xen's own clock goes on, and so does that of
// the appliance.
func paused(ctx context.Context, t *testing.T, l *lab) {
	before := l.measuredAnew(ctx, t)
	began, stop := l.asksTime(ctx, t)
	l.sh(ctx, t, "sleep 1; xl pause firewall; sleep 5; xl unpause firewall; sleep 1")
	l.tellsTime(t, began, stop())
	if n := l.measuredAnew(ctx, t) - before; n != 0 {
		t.Errorf("the time was measured anew %d times", n)
	}
}

// restoredBehind restores the appliance where no clock tells that time has passed. Its kernel takes none
// back, so its own goes on from where it stood.
func restoredBehind(ctx context.Context, t *testing.T, l *lab) {
	l.saveRestore(ctx, t, shortSave, -10*time.Minute)
}

// restoredAhead has the kernel believe that ten minutes more have passed than did, of leases too: nobody can
// tell it from an appliance that was saved for so long.
func restoredAhead(ctx context.Context, t *testing.T, l *lab) {
	l.saveRestore(ctx, t, shortSave, 10*time.Minute)
}

func savedLong(ctx context.Context, t *testing.T, l *lab) { l.saveRestore(ctx, t, longSave, 0) }

// saveRestore writes the appliance to a file, and goes on with it some time later, on a host whose clock is
// so far from the true time.
func (l *lab) saveRestore(ctx context.Context, t *testing.T, saved, hostAhead time.Duration) {
	t.Helper()
	file := filepath.Join(l.home.Dir, "saved")
	l.goesOn(ctx, t, hostAhead, func() {
		l.sh(ctx, t, fmt.Sprintf("xl save firewall %s >&2; sleep %.0f; %s set %v",
			file, saved.Seconds(), l.truetime, hostAhead))
	}, func() {
		l.sh(ctx, t, fmt.Sprintf("xl restore %s >&2; rm %[1]s", file))
	})
}

// migrated moves the running appliance to another host, which is the same. What it says on its console there
// is noted under the name that it has until the other one is gone.
func migrated(ctx context.Context, t *testing.T, l *lab) {
	l.goesOn(ctx, t, 0, func() {
		l.sh(ctx, t, "ln -sf "+consoleLog+" /var/log/xen/console/guest-firewall--incoming.log")
	}, func() {
		l.sh(ctx, t, "xl migrate -s '' firewall 'xl migrate-receive' >&2")
	})
}

// goesOn has the appliance be away and come back, on a host whose clock is so far from the true time. It
// knows its leases then, its clock is right, and nobody was told a wrong time.
func (l *lab) goesOn(ctx context.Context, t *testing.T, hostAhead time.Duration, goes, comes func()) {
	t.Helper()
	l.sameLaptop(t, l.lease(ctx, t, "laptop"))
	before, measured := l.leases(ctx, t), l.measuredAnew(ctx, t)
	_, stop := l.asksTime(ctx, t)
	goes()
	back := l.uptime(ctx, t)
	comes()
	l.up(ctx, t)
	l.synchronised(ctx, t)
	gone, right := l.tellsTime(t, back, stop())
	l.sh(ctx, t, l.truetime+" set 0s")
	asked := l.answeredAfter(ctx, t, gone)
	t.Logf("after it begins to come back, its question is answered at %v, and it is right at %v",
		asked-back, right-back)
	if right-asked > rightWithin {
		t.Errorf("its clock is right %v after the first answer of a server, want %v", right-asked, rightWithin)
	}
	if n := l.measuredAnew(ctx, t) - measured; n < 1 {
		t.Error("the time was not measured anew")
	}
	if after := l.leases(ctx, t); !goOn(before, after, max(hostAhead, 0)) {
		t.Errorf("leases were\n%s, and are after the restore\n%s", before, after)
	}
	l.healthy(ctx, t)
	l.sameLaptop(t, l.lease(ctx, t, "laptop"))
	l.isSeenAs(ctx, t, l.address())
}

// address is the appliance's own before the provider.
func (l *lab) address() string { return cmp.Or(l.outside, "192.0.2.10") }

// A moment is a question that was answered, or an answer that came: see the program in truetime.
type moment struct {
	Up                  time.Duration
	From                string
	Leap                byte
	Ahead, Delay, Bound time.Duration
}

// known reports whether the answer has a time at all.
func (m moment) known() bool { return m.Leap != 3 }

// wrong is by how much it is wrong for certain: the way of an answer may be shorter than that of its
// question.
func (m moment) wrong() time.Duration { return max(0, m.Ahead.Abs()-m.Delay/2) }

// moments reads what truetime has written to a file in dom0.
func (l *lab) moments(ctx context.Context, t *testing.T, file string) (all []moment) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(l.sh(ctx, t, "cat "+file)))
	for lines.Scan() {
		var m moment
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("%s: %v: %s", file, err, lines.Text())
		}
		all = append(all, m)
	}
	return all
}

// uptime is the clock of moments.
func (l *lab) uptime(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	s, err := strconv.ParseFloat(strings.Fields(l.sh(ctx, t, "cat /proc/uptime"))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(s * float64(time.Second))
}

// asksTime has a host of the LAN ask the appliance for the time, which is right, until stop is called. That
// waits until it is exact, and returns what the host was told.
func (l *lab) asksTime(ctx context.Context, t *testing.T) (began time.Duration, stop func() []moment) {
	t.Helper()
	l.synchronised(ctx, t)
	l.sh(ctx, t, "ip netns exec store "+l.truetime+` ask 192.168.32.1 </dev/null >/run/told 2>&1 &
echo $! >/run/asks`)
	return l.uptime(ctx, t), func() []moment {
		t.Helper()
		for since := l.uptime(ctx, t); ; {
			l.sh(ctx, t, "sleep 0.3")
			told := l.moments(ctx, t, "/run/told")
			right := func(m moment) bool { return m.Up > since && m.known() && m.wrong() <= exact }
			if slices.ContainsFunc(told, right) {
				l.sh(ctx, t, "kill $(cat /run/asks)")
				return told
			}
		}
	}
}

// synchronised waits until the appliance says that its clock is right.
func (l *lab) synchronised(ctx context.Context, t *testing.T) {
	t.Helper()
	l.sh(ctx, t, "until "+l.ssh("gatehouse time")+" >&2; do sleep 0.5; done")
}

// measuredAnew is how often the appliance has measured the time anew, as its log has it.
func (l *lab) measuredAnew(ctx context.Context, t *testing.T) int {
	t.Helper()
	return strings.Count(l.fw(ctx, t, "gatehouse log ntp -n 500"), "the time is measured anew")
}

// tellsTime checks that from a moment on hosts were told no wrong time. It returns when they were told that
// it is not known, or the moment, and when they were told it again.
func (l *lab) tellsTime(t *testing.T, from time.Duration, told []moment) (gone, again time.Duration) {
	t.Helper()
	gone = from
	n, unknown, worst := 0, 0, time.Duration(0)
	early, first := 0, time.Duration(0)
	for _, m := range told {
		if m.Up >= from && first == 0 && (!m.known() || m.wrong() > max(tolerable, m.Bound)) {
			first = m.Up
		}
		switch {
		case m.Up < from:
		case !m.known():
			unknown, again = unknown+1, 0
		case m.wrong() > max(tolerable, m.Bound) && m.Up-first < untold:
			early++
		case m.wrong() > max(tolerable, m.Bound):
			t.Errorf("a host was told a wrong time: %+v", m)
		default:
			n, worst, again = n+1, max(worst, m.wrong()), cmp.Or(again, m.Up)
			if unknown == 0 {
				gone = m.Up
			}
		}
	}
	if unknown == 0 {
		gone = from
	}
	last := told[len(told)-1]
	t.Logf("%d answers have the time, at most %v wrong, the last %v ± %v; %d say that it is not known, and %d came before the "+
		"appliance knew", n, worst, last.Ahead, last.Delay/2, unknown, early)
	return gone, again
}

// answeredAfter is when the time server answered the appliance first after a moment.
func (l *lab) answeredAfter(ctx context.Context, t *testing.T, from time.Duration) time.Duration {
	t.Helper()
	for _, m := range l.moments(ctx, t, "/run/asked") {
		if m.Up > from && m.From == l.address() {
			return m.Up
		}
	}
	t.Fatal("the appliance has not asked for the time again")
	return 0
}

// goOn reports whether leases are the same after the machine stood still: none ends sooner than by so much,
// and later only by as long as it may have stood.
func goOn(before, after string, sooner time.Duration) bool {
	was, is := strings.Fields(before), strings.Fields(after)
	if len(was) != len(is) || len(was) < 4 {
		return false
	}
	for i := 0; i+6 <= len(was); i += 6 {
		const layout = "2006-01-02 15:04:05.999999999"
		a, err1 := time.Parse(layout, was[i+2]+" "+was[i+3])
		b, err2 := time.Parse(layout, is[i+2]+" "+is[i+3])
		if err1 != nil || err2 != nil || was[i] != is[i] || was[i+1] != is[i+1] || b.Before(a.Add(-sooner-time.Second)) ||
			b.After(a.Add(2*longSave)) {
			return false
		}
	}
	return true
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks/runner"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

// TestHooksAreToldAfterwards: of what the box has asked for, when it has applied that; of each event once;
// and of an end that nobody has told.
func TestHooksAreToldAfterwards(t *testing.T) {
	var told []string
	w := newWayOut()
	w.told = func(n wanrun.News) { told = append(told, fmt.Sprintf("%s%d", n.Name, n.Number)) }
	w.expect(true)
	is := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("%s: told %q, want %q", what, told, want)
		}
		told = nil
	}
	facts := &wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")}}
	news := func(first time.Duration, names ...client.Name) (all []wanrun.News) {
		for i, n := range names {
			all = append(all, wanrun.News{Number: first + time.Duration(i), Name: n})
		}
		return all
	}
	if !w.take(wanrun.Report{Facts: facts, News: news(1, client.NAK, client.BoundTo)}) {
		t.Error("nothing new")
	}
	w.applied()
	is("before the box has asked")
	if w.Facts() != facts {
		t.Error("other facts")
	}
	w.take(wanrun.Report{Facts: facts, News: news(3, client.Renewed)})
	w.applied()
	is("when the box has applied what it asked for", "nak1", "bound2")
	w.Facts()
	w.applied()
	w.applied()
	is("of the rest", "renew3")

	// The client is started again: what was told is not told again.
	if w.take(wanrun.Report{Facts: facts, News: news(1, client.NAK, client.BoundTo, client.Renewed)}) {
		t.Error("old news are new")
	}
	if !w.take(wanrun.Report{}) {
		t.Error("no end")
	}
	w.Facts()
	w.applied()
	is("an end that nobody has told", "deconfig0")
	w.take(wanrun.Report{Facts: facts, News: news(10, client.BoundTo)})
	w.take(wanrun.Report{News: news(11, client.Deconfig)})
	w.Facts()
	w.applied()
	is("an end that was told", "bound10", "deconfig11")

	// A box that applies nothing holds the last ones.
	for n := range time.Duration(100) {
		w.take(wanrun.Report{News: news(100+n, client.LeaseFail)})
		if n == 95 {
			w.Facts()
		}
	}
	w.applied()
	if len(told) != 12 || told[11] != "leasefail195" || len(w.waiting) != 4 {
		t.Errorf("told %q, %d wait", told, len(w.waiting))
	}
}

// TestPending6: a client that has just started takes nothing away, and gives to who knows nothing.
func TestPending6(t *testing.T) {
	w := newWayOut()
	w.told = func(wanrun.News) {}
	w.expect(true)
	facts := &wan.Facts6{Delegated: []wan.Delegation{{Prefix: netip.MustParsePrefix("2001:db8:100::/56")}}}
	for _, step := range []struct {
		what    string
		six     wanrun.Six
		changed bool
		facts   *wan.Facts6
		decided bool
	}{
		{"it asks", wanrun.Six{Pending6: true}, false, nil, false},
		{"a server answers before a router", wanrun.Six{Pending6: true, Decided6: true, Facts6: facts}, true, facts, true},
		{"the client is started again", wanrun.Six{Pending6: true}, false, facts, true},
		{"it knows all", wanrun.Six{Decided6: true, Facts6: facts}, false, facts, true},
		{"it is taken back", wanrun.Six{Decided6: true}, true, nil, true},
	} {
		if changed := w.take(wanrun.Report{Six: step.six}); changed != step.changed || w.Facts6() != step.facts || w.Decided6() != step.decided {
			t.Errorf("%s: changed %v, %+v, decided %v", step.what, changed, w.Facts6(), w.Decided6())
		}
	}
	if w.expect(false); w.Decided6() {
		t.Error("without a client it is decided")
	}
}

// TestHookFiles: the files are those of the plan, whatever was there before, and what is said of a hook goes
// with it.
func TestHookFiles(t *testing.T) {
	problems := map[string]error{}
	h := &siteHooks{
		runs: map[string]hooks.Run{},
		dir:  filepath.Join(t.TempDir(), "hooks"), runner: runner.New(runner.Options{Children: children.New(), Log: slog.New(slog.DiscardHandler)}),
		problem: func(subject string, err error) { problems[subject] = err },
	}
	files := func() (all []string) {
		entries, err := os.ReadDir(h.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s %v %s", e.Name(), info.Mode(), read(t, filepath.Join(h.dir, e.Name()))))
		}
		return all
	}
	set := func(words ...string) {
		t.Helper()
		var all []plan.Hook
		var want []string
		for _, w := range words {
			name, content, _ := strings.Cut(w, "=")
			all = append(all, plan.Hook{Name: name, Content: []byte(content)})
			want = append(want, name+" -rwxr-xr-x "+content)
		}
		if err := h.set(all); err != nil {
			t.Fatal(err)
		}
		if got := files(); !slices.Equal(got, want) {
			t.Errorf("the files are %q, want %q", got, want)
		}
	}
	set("a=1", "b=1")
	if info, err := os.Stat(h.dir); err != nil || info.Mode().Perm() != 0o750 || info.Sys().(*syscall.Stat_t).Gid != runner.Nobody {
		t.Errorf("the directory is open to others: %v, %v", info.Mode(), err)
	}
	h.ended(filepath.Join(h.dir, "a"), hooks.Bound, errors.New("exit status 1"))
	h.ended(filepath.Join(h.dir, "b"), hooks.Renew, errors.New("exit status 2"))
	h.ended(filepath.Join(h.dir, "c"), hooks.Renew, errors.New("exit status 3"))
	if err := problems["hook b"]; err == nil || !strings.HasPrefix(err.Error(), "at renew, exit status 2") || len(problems) != 2 {
		t.Errorf("problems: %v", problems)
	}
	if err := os.WriteFile(filepath.Join(h.dir, ".left"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	set("a=2", "b=1") // a trial
	if problems["hook a"] != nil || problems["hook b"] == nil {
		t.Errorf("with another a: %v", problems)
	}
	set("b=1") // taken back
	h.ended(filepath.Join(h.dir, "b"), hooks.Renew, nil)
	if problems["hook b"] != nil {
		t.Errorf("b has run well: %v", problems)
	}
	h.ended(filepath.Join(h.dir, "b"), hooks.Renew, errors.New("exit status 2"))
	set()
	if problems["hook b"] != nil {
		t.Errorf("without hooks: %v", problems)
	}
}

// TestNobodyToFollow: where the site has no client of the way out, nobody looks for one; and what the last
// one said is forgotten, so that it is not believed when there is one again.
func TestNobodyToFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWayOut()
		ctx, stop := context.WithCancel(t.Context())
		came := make(chan bool)
		go func() {
			for w.await(ctx) {
				came <- true
			}
			close(came)
		}()
		wait := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			select {
			case _, open := <-came:
				if !want || !open {
					t.Errorf("%s: somebody is followed: %t", what, open)
				}
			default:
				if want {
					t.Errorf("%s: nobody is followed", what)
				}
			}
		}
		time.Sleep(time.Hour)
		wait("at first", false)
		w.expect(false)
		wait("with a static site", false)
		w.expect(true)
		wait("with a client", true)
		wait("when it has died", true)
		if facts := (&wan.Facts{MTU: 1400}); !w.take(wanrun.Report{Facts: facts}) || w.Facts() != facts {
			t.Error("its word is not taken")
		}
		w.expect(true)
		if w.Facts() == nil {
			t.Error("another plan with the client has its word forgotten")
		}
		synctest.Wait()
		w.expect(false)
		wait("it was about to be", true)
		wait("without it", false)
		if w.take(wanrun.Report{Facts: &wan.Facts{MTU: 1400}}) || w.Facts() != nil {
			t.Error("one that is gone is believed")
		}
		stop()
		synctest.Wait()
		if _, open := <-came; open {
			t.Error("it goes on when all ends")
		}
	})
}

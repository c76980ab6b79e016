package logs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newTestLog() *Log {
	start := time.Now()
	return New(func() time.Duration { return time.Since(start) })
}

func texts(lines []Line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Service+":"+l.Text)
	}
	return strings.Join(all, " ")
}

// cut is what the log keeps of a text that is printable.
func cut(text string) string {
	if len(text) > MaxLine {
		return text[:MaxLine] + "…"
	}
	return text
}

func TestLogOrderAndSelection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newTestLog()
		log.Write("dhcp", "a")
		time.Sleep(1500 * time.Millisecond)
		log.Write("dns", "b\nc\n")
		log.Event("dhcp", "exit %d", 1)
		for _, c := range []struct {
			service string
			n       int
			want    string
		}{
			{"", 10, "dhcp:a dns:b dns:c dhcp:exit 1"},
			{"", 2, "dns:c dhcp:exit 1"},
			{"", 0, ""},
			{"", -1, ""},
			{"dhcp", 10, "dhcp:a dhcp:exit 1"},
			{"ntp", 10, ""},
		} {
			if got := texts(log.Last(c.service, c.n)); got != c.want {
				t.Errorf("Last(%q, %d) = %s, want %s", c.service, c.n, got, c.want)
			}
		}
		last := log.Last("", 1)[0]
		if got, want := last.String(), "[    1.500000] dhcp: [init] exit 1"; got != want {
			t.Errorf("line %q, want %q", got, want)
		}
	})
}

// TestLinesAreClean: whatever way a line comes in, it can be shown, and is cut where it is too long.
func TestLinesAreClean(t *testing.T) {
	log := newTestLog()
	log.Write("dhcp", "name \x1b[2J\r\n\n")
	log.Event("dhcp", "%s", "\u202egnp.exe")
	out := log.Output("dhcp")
	fmt.Fprint(out, "\tfrom \xff windows\r\n")
	fmt.Fprint(out, strings.Repeat("x", MaxLine)+"\n"+strings.Repeat("y", MaxLine+1))
	out.Close()
	want := []string{`name \x1b[2J`, `\u202egnp.exe`, `    from \xff windows`,
		strings.Repeat("x", MaxLine), strings.Repeat("y", MaxLine) + "…"}
	for i, l := range log.Last("", 10) {
		if i >= len(want) || l.Text != want[i] {
			t.Errorf("line %d is %.60q (%d)", i, l.Text, len(l.Text))
		}
	}
	if n := log.Seq(); n != uint64(len(want)) {
		t.Errorf("%d lines, want %d", n, len(want))
	}
}

// A service's own share is all that it can fill: compared with a plain list.
func TestLogIsBounded(t *testing.T) {
	log := newTestLog()
	rnd := rand.New(rand.NewPCG(3, 4))
	all := map[string][]Line{}
	services := []string{"quiet", "chatty", "long"}
	for i := range 20000 {
		service, text := "chatty", fmt.Sprint(i)
		switch {
		case i%5000 == 0:
			service = "quiet"
		case rnd.IntN(10) == 0:
			service, text = "long", strings.Repeat("l", rnd.IntN(2*MaxLine))
		}
		log.Write(service, text)
		if text != "" { // an empty text is no line
			all[service] = append(all[service], Line{Seq: log.Seq(), Text: cut(text)})
		}
	}
	for _, service := range services {
		got := log.Last(service, 1<<30)
		size := 0
		for _, l := range got {
			size += len(l.Text)
		}
		if len(got) > keepLines || size > keepBytes {
			t.Errorf("%s keeps %d lines, %d bytes", service, len(got), size)
		}
		want := all[service]
		if service != "quiet" && size < keepBytes-2*MaxLine && len(got) < keepLines {
			t.Errorf("%s keeps only %d lines, %d bytes", service, len(got), size)
		}
		if service == "quiet" && len(got) != len(want) {
			t.Errorf("the others pushed out lines of quiet: %d of %d left", len(got), len(want))
		}
		for i, w := range want[len(want)-len(got):] {
			if got[i].Seq != w.Seq || got[i].Text != w.Text {
				t.Fatalf("%s line %d: %+v, want %+v", service, i, got[i], w)
			}
		}
	}
	merged := log.Last("", 1<<30)
	if !slices.IsSortedFunc(merged, func(a, b Line) int { return int(a.Seq) - int(b.Seq) }) {
		t.Error("all services together are not in order")
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newTestLog()
		log.Write("dhcp", "old")
		log.Write("dns", "other")
		ctx, cancel := context.WithCancel(t.Context())
		var got []Line
		ended := make(chan error, 1)
		go func() {
			ended <- log.Follow(ctx, "dhcp", 0, func(l Line) error { got = append(got, l); return nil })
		}()
		synctest.Wait()
		for _, text := range []string{"one", "two"} {
			log.Write("dns", "not this")
			log.Write("dhcp", text)
			synctest.Wait()
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow ended with %v", err)
		}
		if texts(got) != "dhcp:old dhcp:one dhcp:two" {
			t.Errorf("got %s", texts(got))
		}
		stop := errors.New("enough")
		if err := log.Follow(t.Context(), "", 0, func(Line) error { return stop }); err != stop {
			t.Errorf("Follow that its caller ends: %v", err)
		}
	})
}

// A follower that is too slow loses lines, is told so, and holds up nobody.
func TestFollowTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newTestLog()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got []Line
		go log.Follow(ctx, "", 0, func(l Line) error {
			got = append(got, l)
			time.Sleep(time.Second)
			return nil
		})
		log.Write("dns", "first")
		synctest.Wait() // it sleeps over "first"
		for i := range keepLines + 7 {
			log.Write("dns", fmt.Sprint(i))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(got) != 1+1+keepLines || !got[1].Event || !strings.Contains(got[1].Text, "missing") || got[2].Text != "7" {
			t.Errorf("%d lines, the second %+v, the third %+v", len(got), got[1], got[2])
		}
	})
}

func TestConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newTestLog()
		log.Event("boot", "kept from before")
		ctx, cancel := context.WithCancel(t.Context())
		var out strings.Builder
		done := make(chan struct{})
		go func() {
			defer close(done)
			log.CopyTo(ctx, &out, func(l Line) bool { return l.Event })
		}()
		log.Write("dhcp", "by the service: not shown")
		for i := range 100 { // all at one instant
			log.Event("dhcp", "%d", i)
		}
		time.Sleep(10 * time.Second)
		log.Event("dhcp", "later")
		synctest.Wait()
		log.Event("boot", "the end")
		cancel()
		<-done

		lines := strings.Split(strings.TrimSuffix(out.String(), "\r\n"), "\r\n")
		if len(lines) != consoleBurst+3 {
			t.Fatalf("%d lines: %q", len(lines), lines)
		}
		for i, want := range map[int]string{
			0:                "[    0.000000] boot: [init] kept from before",
			1:                "[    0.000000] dhcp: [init] 0",
			consoleBurst - 1: "[    0.000000] dhcp: [init] 58",
			consoleBurst:     "(41 lines left out, see gatehouse log)",
			consoleBurst + 1: "[   10.000000] dhcp: [init] later",
			consoleBurst + 2: "[   10.000000] boot: [init] the end",
		} {
			if lines[i] != want {
				t.Errorf("line %d is %q, want %q", i, lines[i], want)
			}
		}
	})
}

// A console that hangs (Ctrl-S on a serial line) stops nobody who logs.
func TestConsoleThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newTestLog()
		ctx, cancel := context.WithCancel(t.Context())
		free := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			log.CopyTo(ctx, hung{free}, func(Line) bool { return true })
		}()
		for range 10000 {
			log.Write("dns", "line")
		}
		synctest.Wait()
		cancel()
		close(free)
		<-done
	})
}

type hung struct{ free chan struct{} }

func (h hung) Write(p []byte) (int, error) {
	<-h.free
	return len(p), nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/proc"
)

// A change is what was measured when a host was added.
type change struct {
	lease    time.Duration // from Enter to its ACK
	returned time.Duration // until the command was done
	cpu      time.Duration // of all processes, beyond what the clients cost all the time
	gap      time.Duration // the longest time between two answers to another client, which asks all the time
	lost     int           // of its messages
	before   int           // bytes of memory of all processes together
	peak     int           // the most of that at one time, the command's too
	each     []peak        // by process
}

// A peak is the memory of a process, in bytes, with what it shares with others.
type peak struct {
	name          string
	before, after int
}

// String is the change in one line.
func (c change) String() string {
	return fmt.Sprintf("lease after %v, command %v, CPU %v, gap %v, %d lost, memory %d MB, %d MB at most",
		round(c.lease), round(c.returned), round(c.cpu), round(c.gap), c.lost, c.before/1e6, c.peak/1e6)
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// calm is how long a server is looked at before a change, and rest how long after it.
const (
	calm = time.Second
	rest = 500 * time.Millisecond
)

// add adds a host.
func (s *server) add(ctx context.Context) (c change, err error) {
	if err := s.edit(s.next + 1); err != nil {
		return c, err
	}
	if err := s.clients.SetWait(tick); err != nil {
		return c, err
	}
	w := s.clients.watch(hostAt(0), hostAt(s.next))
	c, err = s.watched(ctx, w)
	var over error
	c.gap, c.lost, over = w.end()
	s.next++
	if s.after != nil && err == nil {
		err = s.after(ctx)
	}
	return c, errors.Join(err, over)
}

// watched makes the change while w asks.
func (s *server) watched(ctx context.Context, w *watch) (c change, err error) {
	all, err := proc.Family(s.cmd.Process.Pid)
	if err != nil {
		return c, err
	}
	time.Sleep(rest)
	idle, err := proc.CPU(all)
	if err != nil {
		return c, err
	}
	time.Sleep(calm)
	begin, err := proc.CPU(all)
	if err != nil {
		return c, err
	}
	m, err := newMeter(all)
	if err != nil {
		return c, err
	}
	enter := time.Now()
	err = s.entered(ctx, w, m, enter, &c)
	c.before, c.peak, c.each = m.end()
	if err != nil {
		return c, err
	}
	time.Sleep(rest)
	end, err := proc.CPU(all)
	each := float64(begin-idle) / float64(calm)
	c.cpu += max(0, end-begin-time.Duration(each*float64(time.Since(enter))))
	return c, err
}

// entered has the server take what was edited, and waits until it has and the newcomer its lease.
func (s *server) entered(ctx context.Context, w *watch, m *meter, enter time.Time, c *change) (err error) {
	if c.cpu, err = s.enter(ctx, m.command); err != nil {
		return err
	}
	c.returned = time.Since(enter)
	for w.leased() == 0 {
		if time.Since(enter) > patience || ctx.Err() != nil {
			return errors.Join(fmt.Errorf("the host gets no lease within %v", patience), ctx.Err())
		}
		time.Sleep(time.Millisecond)
	}
	c.lease = time.Duration(w.leased() - enter.UnixNano())
	return nil
}

// lookEvery is how often a meter looks.
const lookEvery = 2 * time.Millisecond

// A meter follows the memory of processes.
type meter struct {
	pids   []int
	each   []peak
	before int
	stop   chan struct{}
	ended  sync.WaitGroup

	mu         sync.Mutex
	pid        int // of the command; 0: none
	most       int
	commandHWM int // as last seen
}

func newMeter(pids []int) (*meter, error) {
	m := &meter{pids: pids, stop: make(chan struct{})}
	var all []proc.Memory
	for _, pid := range pids {
		if err := proc.ForgetPeak(pid); err != nil {
			return nil, err
		}
		now, err := proc.MemoryOf(pid)
		if err != nil {
			return nil, err
		}
		all = append(all, now)
		m.each = append(m.each, peak{calls(pid), now.Resident, now.Resident})
	}
	m.before = proc.Together(all)
	m.ended.Go(func() {
		every := time.NewTicker(lookEvery)
		defer every.Stop()
		for {
			m.look()
			select {
			case <-every.C:
			case <-m.stop:
				return
			}
		}
	})
	return m, nil
}

// command says which process the command is.
func (m *meter) command(pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pid = pid
}

// look notes how much memory all have now.
func (m *meter) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []proc.Memory
	for _, pid := range m.pids {
		now, _ := proc.MemoryOf(pid)
		all = append(all, now)
	}
	if m.pid != 0 {
		if now, err := proc.MemoryOf(m.pid); err == nil { // else it has ended
			all = append(all, now)
			m.commandHWM = max(m.commandHWM, now.Peak)
		}
	}
	m.most = max(m.most, proc.Together(all))
}

// end ends the meter, and returns what all had together before and at most, and what each had.
func (m *meter) end() (before, most int, each []peak) {
	close(m.stop)
	m.ended.Wait()
	m.look()
	for i, pid := range m.pids {
		if now, err := proc.MemoryOf(pid); err == nil {
			m.each[i].after = now.Peak
		}
	}
	m.each = append(m.each, peak{"command", 0, m.commandHWM})
	return m.before, m.most, m.each
}

// calls returns what a process of the appliance is: the service that it runs, or "init".
func calls(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	words := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
	if len(words) > 2 && words[1] == "service" {
		return words[2]
	}
	return "init"
}

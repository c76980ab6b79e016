package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// everyService is a site that needs each service of the roster.
func everyService() fstest.MapFS {
	return fstest.MapFS{"site.toml": {Data: []byte(`name = "gate"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "dhcp"
[tunnel]
server = "203.0.113.30"
ipv6 = "2001:db8:1f0a:1::2/64"
routed = "2001:db8:abcd::/48"
[ntp]
servers = "192.0.2.123"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
pool = "192.168.32.100-192.168.32.199"
ipv6 = "tunnel"
subnet = 1
`)}, "hosts": {}, "ethers": {}, "authorized_keys": {Data: []byte(keyLine(0))}}
}

// statusNow is what status says, within five seconds: two are promised, and the machine of a test is not ours
// alone. So the quicker of two is looked at.
func (b *testBox) statusNow() admin.Status {
	b.t.Helper()
	const promised, tries = 5 * time.Second, 2
	var text string
	var took time.Duration
	for i := 0; i < tries && (i == 0 || took > promised); i++ {
		began := time.Now()
		text = b.gatehouse("status", "--json")
		took = time.Since(began)
	}
	if took > promised {
		b.t.Errorf("status took %v", took)
	}
	var st admin.Status
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		b.t.Fatalf("%v\n%s", err, text)
	}
	return st
}

// silent are the processes that status has not heard.
func silent(st admin.Status) (names []string) {
	for _, h := range st.Heard {
		if !h.Answers {
			names = append(names, h.Service)
		}
	}
	return names
}

// names reports whether a problem names a process as one that does not answer.
func names(st admin.Status, process string) bool {
	return slices.ContainsFunc(st.Problems, func(p string) bool {
		return strings.HasPrefix(strings.TrimPrefix(p, "service "), process+" ") && strings.Contains(p, "answer")
	})
}

// stopped reports whether all threads of a process are: the signal takes a while where many want to run.
func stopped(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return err == nil && len(threads) > 0 && !slices.ContainsFunc(threads, func(file string) bool {
		text, err := os.ReadFile(file)
		_, state, _ := strings.Cut(string(text), ") ")
		return err != nil || !strings.HasPrefix(state, "T")
	})
}

// TestStopped: each process of a box is stopped in turn. Status is there all the same, names that one and no
// other, and no more once it goes on; and one that does not go on is started again.
func TestStopped(t *testing.T) {
	t.Parallel()
	const patience24 = watchdogVar + "=24" // seconds: asked every 4, started again after 12
	b := startCards(t, everyService(), 2, nil, patience24)
	pids := map[string]int{admin.InitService: b.pid}
	testnet.Eventually(t, patience, "every service answers", func() bool {
		st := b.statusNow()
		for _, s := range st.Services {
			pids[s.Name] = s.PID
		}
		return len(st.Heard) == 1+len(roster.All()) && silent(st) == nil
	})
	signal := func(name string, s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(pids[name], s); err != nil {
			t.Fatal(err)
		}
	}
	for name := range pids {
		signal(name, unix.SIGSTOP)
		testnet.Eventually(t, patience, name+" is stopped", func() bool { return stopped(pids[name]) })
		st := b.statusNow()
		signal(name, unix.SIGCONT)
		if got := silent(st); !slices.Equal(got, []string{name}) || !names(st, name) {
			t.Errorf("%s is stopped, and these are silent: %q of\n%s", name, got, strings.Join(st.Problems, "\n"))
		}
		testnet.Eventually(t, patience, name+" is no problem any more", func() bool {
			st := b.statusNow()
			return silent(st) == nil && !names(st, name)
		})
	}

	for _, name := range []string{roster.NFLog, roster.DNS} {
		before := b.service(name)
		signal(name, unix.SIGSTOP)
		testnet.Eventually(t, patience, "status says for how long "+name+" has been silent", func() bool {
			return slices.ContainsFunc(b.statusNow().Problems, func(p string) bool {
				return strings.HasPrefix(p, fmt.Sprintf("service %s has not answered for ", name)) && strings.Contains(p, "it is started again in ")
			})
		})
		b.says(name+": [init] has not answered for 12s: starting it again", 1)
		testnet.Eventually(t, patience, name+" is ready again", func() bool {
			now, st := b.service(name), b.statusNow()
			return now.State == supervise.Ready && now.Restarts == before.Restarts+1 && silent(st) == nil
		})
	}
	for _, s := range b.statusNow().Services {
		if want := map[string]int{roster.NFLog: 1, roster.DNS: 1}[s.Name]; s.Restarts != want {
			t.Errorf("%s was started again %d times, want %d: %s", s.Name, s.Restarts, want, s.LastExit)
		}
	}
}

// service is what init says of one.
func (b *testBox) service(name string) supervise.Status {
	b.t.Helper()
	all := b.statusNow().Services
	i := slices.IndexFunc(all, func(s supervise.Status) bool { return s.Name == name })
	if i < 0 {
		b.t.Fatalf("no service %s in %v", name, all)
	}
	return all[i]
}

// TestRefusedByTheKernel: what does not fit a receive buffer is said, and that /perm is only read for as long
// as it is.
func TestRefusedByTheKernel(t *testing.T) {
	t.Parallel()
	b := startSite(t, plainSite(1, ""), 2)
	const problem, counters = "questions to services over IPv4 dropped", "counters of the kernel"
	if out := b.gatehouse("status"); strings.Contains(out, problem) || strings.Contains(out, counters) {
		t.Fatal(out)
	}
	testnet.Eventually(t, patience, "status says so", func() bool {
		b.flood()
		return strings.Contains(b.gatehouse("status"), "! "+problem)
	})

	const readOnly = "! /perm has become read-only: nothing can be stored\n"
	says := func(want bool) {
		t.Helper()
		if out := b.gatehouse("status"); strings.Contains(out, readOnly) != want {
			t.Errorf("/perm is only read: %v\n%s", want, out)
		}
	}
	says(false)
	if out := b.inside("mount", "-t", "tmpfs", "-o", "ro", "none", "/perm"); out != "" {
		t.Fatal(out)
	}
	says(true)
	if out := b.inside("umount", "/perm"); out != "" {
		t.Fatal(out)
	}
	says(false)
}

// flood sends to a socket in the box that nobody reads.
func (b *testBox) flood() {
	b.t.Helper()
	err := b.Do(func() error {
		to, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer to.Close()
		from, err := net.Dial("udp4", to.LocalAddr().String())
		if err != nil {
			return err
		}
		defer from.Close()
		const buffer, datagrams = 4096, 300
		if err := to.(*net.UDPConn).SetReadBuffer(buffer); err != nil {
			return err
		}
		for range datagrams {
			if _, err := from.Write(make([]byte, buffer/4)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// crowd is a site of n hosts with reserved addresses, whose names begin with a word.
func crowd(n int, word string) fstest.MapFS {
	files := plainSite(0, `[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "10.77.0.1/16"
pool = "10.77.200.0-10.77.209.255"
`)
	var hosts, ethers strings.Builder
	for i := range n {
		fmt.Fprintf(&hosts, "10.77.%d.%d %s%d\n", 1+i/250, 1+i%250, word, i)
		fmt.Fprintf(&ethers, "00:16:3e:00:%02x:%02x %s%d\n", i>>8, i&0xff, word, i)
	}
	files["hosts"], files["ethers"] = &fstest.MapFile{Data: []byte(hosts.String())}, &fstest.MapFile{Data: []byte(ethers.String())}
	return files
}

// TestBusyIsNotSilent: no service is silent for long while it takes ten thousand other hosts, and so it is
// not started again for that.
func TestBusyIsNotSilent(t *testing.T) {
	const hosts, bound = 10_000, 25 * time.Second // three questions, each of which may take 5 s, one every 10 s
	b := startSite(t, crowd(hosts, "a"), 2)
	testnet.Eventually(t, patience, "every service answers", func() bool { return silent(b.statusNow()) == nil })
	was := b.processes()

	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	longest := make([]time.Duration, len(roster.All()))
	for i, s := range roster.All() {
		asking.Go(func() {
			dir := fmt.Sprintf("/proc/%d/root%s", b.pid, runDir)
			for last := time.Now(); ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
				err := control.Call(ctx, dir, s.Name, control.Ping, nil, nil)
				switch {
				case errors.Is(err, control.ErrNotRunning):
					return // not of this site
				case err != nil:
					continue
				}
				longest[i], last = max(longest[i], time.Since(last)), time.Now()
			}
		})
	}
	began := time.Now()
	for _, word := range []string{"b", "c"} {
		b.applies(crowd(hosts, word))
	}
	took := time.Since(began)
	began = time.Now()
	st := b.statusNow()
	t.Logf("two changes of %d hosts took %v, status then %v", hosts, took, time.Since(began))
	stop()
	asking.Wait()
	for i, s := range roster.All() {
		if longest[i] > 0 {
			t.Logf("%s: silent for %v at most", s.Name, longest[i])
		}
		if longest[i] > bound {
			t.Errorf("%s would have been started again", s.Name)
		}
	}
	if names := silent(st); names != nil {
		t.Errorf("silent: %q", names)
	}
	if now := b.processes(); now != was {
		t.Errorf("the services are %s, they were %s", now, was)
	}
}

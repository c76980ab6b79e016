package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/dns/generate"
	"github.com/gatehouse-os/gatehouse/bench/proc"
	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// A server is a program that runs, and those who ask it.
type server struct {
	program
	dir       string
	net       *wire.Network
	processes []*process    // its own, and behind it the authoritative server of names outside
	ready     chan struct{} // its answers on descriptor 3
	asker     net.Conn      // one question at a time
	generator *generate.Generator
	questions []question
}

// A process is one in a namespace.
type process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
}

const (
	// patience is how long something may take that takes long: a start with 100,000 hosts.
	patience = time.Minute
	// askEvery is how often a question is asked whose answer is waited for.
	askEvery = time.Millisecond
)

// start starts a program with n hosts, or with none and names outside, and waits until it answers all
// questions.
func (b *bench) start(ctx context.Context, p program, n int, questions []question) (s *server, err error) {
	s = &server{program: p, questions: questions}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", p.name, errors.Join(err, s.end()))
		}
	}()
	if s.dir, err = os.MkdirTemp(b.dir, "server-"); err != nil {
		return s, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return s, err
	}
	name := strings.NewReplacer(" ", "", ",", "", ".", "").Replace(filepath.Base(s.dir) + p.name)
	if s.net, err = wire.New(ctx, name); err != nil {
		return s, err
	}
	if err := p.write(s.dir, n); err != nil {
		return s, err
	}
	args, err := p.command(s.dir)
	if err != nil {
		return s, err
	}
	if err := s.run(s.net.Server, args, p.answers); err != nil {
		return s, err
	}
	if n == 0 {
		if err := s.provide(); err != nil {
			return s, err
		}
	}
	if err := s.connect(); err != nil {
		return s, err
	}
	if _, err := s.await(ctx, questions[0]); err != nil {
		return s, errors.Join(err, errors.New(s.processes[0].out.String()))
	}
	if p.answers {
		<-s.ready // it was, before it answered
	}
	return s, nil
}

// run starts a command in a namespace. Its standard input is the file of that name in its directory, which is
// read again when it is told to.
func (s *server) run(namespace string, args []string, answers bool) error {
	// ip-netns(8) executes the program: the process is the server itself.
	p := &process{
		cmd:  exec.Command("ip", append([]string{"netns", "exec", namespace}, args...)...),
		done: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if answers {
		stdin, err := os.Open(filepath.Join(s.dir, "stdin"))
		if err != nil {
			return err
		}
		defer stdin.Close()
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer w.Close()
		p.cmd.Stdin, p.cmd.ExtraFiles, s.ready = stdin, []*os.File{w}, make(chan struct{}, 1)
		go func() {
			defer r.Close()
			for lines := bufio.NewScanner(r); lines.Scan(); {
				s.ready <- struct{}{}
			}
		}()
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	s.processes = append(s.processes, p)
	go func() {
		_ = p.cmd.Wait() // how it ended does not matter
		close(p.done)
	}()
	return nil
}

// provide starts the authoritative server of the names outside, among the clients.
func (s *server) provide() error {
	dir := filepath.Join(s.dir, "outside")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, "zone"))
	if err != nil {
		return err
	}
	writeOutside(file, outsideNames)
	args, err := runNSD(dir, wire.RelayAddr, [2]string{outside, "zone"})
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return s.run(s.net.Clients, args, false)
}

// connect makes the sockets of those who ask.
func (s *server) connect() error {
	at := netip.MustParseAddrPort(wire.ServerAddr + ":53")
	return s.net.Among(func() (err error) {
		if s.asker, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at)); err != nil {
			return err
		}
		s.generator, err = generate.New(generate.Options{Server: at, Queries: messages(s.questions)})
		return err
	})
}

// ask asks one question and checks its answer.
func (s *server) ask(id uint16, q question, limit time.Duration) error {
	if _, err := s.asker.Write(q.message(id)); err != nil {
		return err
	}
	if err := s.asker.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	var reply [1500]byte
	for {
		n, err := s.asker.Read(reply[:])
		if err != nil {
			return err
		}
		if n > 1 && reply[0] == byte(id>>8) && reply[1] == byte(id) {
			return q.check(reply[:n])
		}
	}
}

// await asks until there is the right answer, and returns how long that took.
func (s *server) await(ctx context.Context, q question) (time.Duration, error) {
	began := time.Now()
	for id := uint16(1); ; id++ {
		sent := time.Now()
		err := s.ask(id, q, 250*time.Millisecond)
		if err == nil {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-s.processes[0].done:
			return 0, errors.New("it has ended")
		case <-time.After(askEvery - time.Since(sent)):
		}
		if time.Since(began) > patience {
			return 0, fmt.Errorf("no right answer within %s: %w", patience, err)
		}
	}
}

// askAll asks every question, one after the other, and again what was lost: a cache is warm after that.
func (s *server) askAll(ctx context.Context) error {
	for i, q := range s.questions {
		var err error
		for range 3 {
			if err = s.ask(uint16(i), q, time.Second); err == nil {
				break
			}
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// reloaded makes the house one of n hosts. It returns how long it takes until the last of them is answered
// for, and until the program says that it is done, if it does.
func (s *server) reloaded(ctx context.Context, n int) (answered, said time.Duration, err error) {
	if err := s.write(s.dir, n); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if s.reload != 0 {
		err = s.processes[0].cmd.Process.Signal(s.reload)
	} else {
		args := append([]string{"netns", "exec", s.net.Server}, s.reloadBy(s.dir)...)
		if out, failed := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); failed != nil {
			err = fmt.Errorf("%v: %w\n%s", args, failed, out)
		}
	}
	if err != nil {
		return 0, 0, err
	}
	before := time.Since(began)
	saying := make(chan time.Duration, 1)
	if s.answers {
		go func() {
			select {
			case <-s.ready:
			case <-time.After(patience):
			}
			saying <- time.Since(began)
		}()
	} else {
		saying <- 0
	}
	answered, err = s.await(ctx, question{name: hostAt(n-1).name + "." + domain, typ: typeA, least: 1})
	return answered + before, <-saying, err
}

// family returns its processes: nsd has others after a reload.
func (s *server) family() ([]int, error) { return proc.Family(s.processes[0].cmd.Process.Pid) }

// memory is what is resident of the server.
func (s *server) memory() (int, error) {
	family, err := s.family()
	if err != nil {
		return 0, err
	}
	var all []proc.Memory
	for _, pid := range family {
		if m, err := proc.MemoryOf(pid); err == nil { // else it has just ended, as those of nsd do
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("%s has ended: %s", s.name, s.processes[0].out.String())
	}
	return proc.Together(all), nil
}

// end ends everything that start has started.
func (s *server) end() error {
	var errs []error
	if s.asker != nil {
		errs = append(errs, s.asker.Close())
	}
	if s.generator != nil {
		errs = append(errs, s.generator.Close())
	}
	for _, p := range s.processes {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	}
	if s.net != nil {
		errs = append(errs, s.net.Remove())
	}
	return errors.Join(errs...)
}

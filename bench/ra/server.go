package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/proc"
	"github.com/gatehouse-os/gatehouse/bench/wire"
	rad "github.com/gatehouse-os/gatehouse/services/radvd"
)

// A program is one of those compared.
type program struct {
	name string
	// command writes what it reads to a directory, and returns how to start it there.
	command func(dir string) ([]string, error)
}

// config is what both advertise.
func config() rad.Config {
	return rad.Config{Links: []rad.Link{{
		Name: wire.ServerLink, Network: "home", Lifetime: rad.DefaultLifetime, HopLimit: 64, MTU: 1480,
		Prefixes: []rad.Prefix{{
			Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true,
			Preferred: rad.DefaultPreferred, Valid: rad.DefaultValid, PreferredUntil: rad.Never,
			ValidUntil: rad.Never,
		}},
		Resolvers: []netip.Addr{netip.MustParseAddr("2001:db8:1::1")}, Search: []string{"home.arpa"},
	}}}
}

// ours is the service as the appliance starts it, in a root directory of its own.
func ours(binary string) program {
	return program{name: "gatehouse", command: func(dir string) ([]string, error) {
		root, state := filepath.Join(dir, "root"), filepath.Join(dir, "root/perm/radvd")
		text, err := json.Marshal(config())
		const uid = 505
		err = errors.Join(err, os.MkdirAll(filepath.Join(root, "run/gatehouse"), 0o755),
			os.MkdirAll(state, 0o700), os.Chown(state, uid, uid), os.Link(binary, filepath.Join(root, "gatehouse")),
			os.WriteFile(filepath.Join(dir, "stdin"), text, 0o600))
		return []string{"chroot", root, "/gatehouse", "service", "radvd"}, err
	}}
}

// radvd says the same. Its answers go to who asked, at once, as is its default.
func radvd() program {
	return program{name: "radvd", command: func(dir string) ([]string, error) {
		conf := filepath.Join(dir, "radvd.conf")
		text := fmt.Sprintf(`interface %s {
	AdvSendAdvert on; AdvRASolicitedUnicast on; MinRtrAdvInterval 450; MaxRtrAdvInterval 600;
	AdvDefaultLifetime 2700; AdvCurHopLimit 64; AdvLinkMTU 1480;
	prefix 2001:db8:1::/64 { AdvValidLifetime 5400; AdvPreferredLifetime 2700; };
	RDNSS 2001:db8:1::1 { AdvRDNSSLifetime 1800; };
	DNSSL home.arpa { AdvDNSSLLifetime 1800; };
};
`, wire.ServerLink)
		err := errors.Join(os.WriteFile(conf, []byte(text), 0o644),
			os.WriteFile(filepath.Join(dir, "stdin"), nil, 0o600))
		return []string{"radvd", "-n", "-C", conf, "-p", filepath.Join(dir, "pid"), "-m", "stderr"}, err
	}}
}

// A server is a program that runs, and the hosts that ask it.
type server struct {
	program
	net   *wire.Network
	cmd   *exec.Cmd
	out   bytes.Buffer
	done  chan struct{}
	hosts *hosts
}

// start starts a program, and waits until it answers.
func start(ctx context.Context, dir string, p program) (s *server, err error) {
	s = &server{program: p, done: make(chan struct{})}
	if dir, err = os.MkdirTemp(dir, "server-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if s.net, err = wire.New(ctx, "ra-"+p.name); err != nil {
		return nil, err
	}
	if s.hosts, err = newHosts(ctx, s.net); err != nil {
		return s, err
	}
	args, err := p.command(dir)
	if err != nil {
		return s, err
	}
	if err := s.run(dir, args); err != nil {
		return s, err
	}
	return s, s.await(ctx)
}

func (s *server) run(dir string, args []string) error {
	stdin, err := os.Open(filepath.Join(dir, "stdin"))
	if err != nil {
		return err
	}
	defer stdin.Close()
	answer, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer answer.Close()
	// ip-netns(8) executes the program: the process is the server itself.
	s.cmd = exec.Command("ip", append([]string{"netns", "exec", s.net.Server}, args...)...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr, s.cmd.ExtraFiles = stdin, &s.out, &s.out, []*os.File{answer}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended does not matter
		close(s.done)
	}()
	return nil
}

// await waits until a host is answered.
func (s *server) await(ctx context.Context) error {
	for range 100 {
		r, err := s.hosts.ask(ctx, 1, 5)
		if err != nil {
			return err
		}
		if r.lost == 0 {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("it has ended: " + s.out.String())
		default:
		}
	}
	return errors.New("it answers nobody: " + s.out.String())
}

func (s *server) measure(ctx context.Context, asked, pace int) (sample, error) {
	family, err := proc.Family(s.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	before, err := proc.CPU(family)
	if err != nil {
		return sample{}, err
	}
	one, err := s.hosts.ask(ctx, asked, pace)
	if err != nil {
		return sample{}, err
	}
	after, err := proc.CPU(family)
	if one.lost < asked {
		one.cpu = (after - before) * 10_000 / time.Duration(asked-one.lost)
	}
	return one, err
}

// end ends the program and removes its network.
func (s *server) end() error {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(6 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
	if s.hosts != nil {
		_ = s.hosts.close()
	}
	return s.net.Remove()
}

// script runs commands of ip-netns(8) in a namespace, all in one process.
func script(ctx context.Context, namespace string, lines []string) error {
	cmd := exec.CommandContext(ctx, "ip", "-n", namespace, "-6", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip -batch: %w: %s", err, out)
	}
	return nil
}

package run

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dns"
)

// processEnv has the test program be the service: it names a directory with the Config, where it answers
// methods too.
const processEnv = "GATEHOUSE_DNS_PROCESS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(processEnv); dir != "" {
		if err := serveProcess(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveProcess serves until SIGTERM.
func serveProcess(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	raw, err := os.ReadFile(dir + "/config")
	if err != nil {
		return err
	}
	var conf dns.Config
	if err := json.Unmarshal(raw, &conf); err != nil {
		return err
	}
	s, err := Open(conf, Options{Log: slog.Default(), Follow: follow})
	if err != nil {
		return err
	}
	l, err := control.Listen(dir, "dns")
	if err != nil {
		return err
	}
	go func() { _ = control.Serve(ctx, l, s.Methods()) }()
	return s.Run(ctx, func() error { return nil }, func() error { return nil })
}

// A process is the service as one.
type process struct {
	*testnet.Process
	t   *testing.T
	cmd *exec.Cmd
	dir string
}

// startProcess starts the service of the lab as a process, and does not wait for it.
func (l *lab) startProcess() process {
	l.t.Helper()
	raw, err := json.Marshal(l.conf)
	if err != nil {
		l.t.Fatal(err)
	}
	dir := l.t.TempDir()
	if err := os.WriteFile(dir+"/config", raw, 0o600); err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), processEnv+"="+dir)
	return process{l.router.Start(cmd), l.t, cmd, dir}
}

// ready waits until it answers.
func (p process) ready() {
	p.t.Helper()
	testnet.Eventually(p.t, 10*time.Second, "the process answers", func() bool {
		return control.Call(p.t.Context(), p.dir, "dns", control.Ping, nil, nil) == nil
	})
}

// status asks for it.
func (p process) status() (st Status) {
	p.t.Helper()
	if err := control.Call(p.t.Context(), p.dir, "dns", "status", nil, &st); err != nil {
		p.t.Fatal(err)
	}
	return st
}

// memory is the most that the process has had of it, in bytes.
func (p process) memory() (most int) {
	p.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &most); n == 1 && err == nil {
			return most << 10
		}
	}
	p.t.Fatalf("no VmHWM in %s", raw)
	return 0
}

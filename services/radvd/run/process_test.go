package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// TestMain runs this program as the service, if its argument says so: in the network it is started in, as the
// user and with the rights that it has on the appliance.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "role-radvd" {
		if err := serve(os.Args[2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func uptime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
	return time.Duration(t.Nano())
}

func serve(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	conf, err := readConfig(dir)
	if err != nil {
		return err
	}
	changed, err := rtnl.Watch(ctx)
	if err != nil {
		return err
	}
	s, err := Open(conf, Options{
		Log: slog.New(slog.NewTextHandler(os.Stdout, nil)), StateDir: filepath.Join(dir, "state"), Uptime: uptime, Wall: time.Now,
		Rand: rand.Uint64, Changed: changed,
	})
	if err != nil {
		return err
	}
	l, err := control.Listen(dir, "radvd")
	if err != nil {
		return err
	}
	go func() { _ = control.Serve(ctx, l, s.Methods()) }()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	config, err := os.Open(filepath.Join(dir, "config"))
	if err != nil {
		return err
	}
	drop := func() error {
		return privdrop.Drop(privdrop.Identity{UID: 505, GID: 505, Caps: []string{"net_bind_service", "net_raw"}, WritePaths: []string{filepath.Join(dir, "state")}})
	}
	ready := func() error {
		go func() {
			for range hup {
				var c radvd.Config
				info, _ := config.Stat()
				b := make([]byte, info.Size())
				_, err := config.ReadAt(b, 0)
				fmt.Println("another configuration:", errors.Join(err, json.Unmarshal(b, &c), s.Reconfigure(c)))
			}
		}()
		fmt.Println("READY")
		return nil
	}
	return s.Run(ctx, drop, ready)
}

func readConfig(dir string) (c radvd.Config, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "config"))
	return c, errors.Join(err, json.Unmarshal(b, &c))
}

// A router is the service in a namespace.
type router struct {
	t   *testing.T
	net *testnet.Namespace
	dir string
	*testnet.Process
	watched []string // of its Config
}

func newRouter(t *testing.T, net *testnet.Namespace) *router {
	r := &router{t: t, net: net, dir: t.TempDir()}
	for dir := r.dir; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	state := filepath.Join(r.dir, "state")
	if err := errors.Join(os.Mkdir(state, 0o700), os.Chown(state, 505, 505)); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *router) write(links ...radvd.Link) {
	r.t.Helper()
	b, err := json.Marshal(radvd.Config{Links: links, Watched: r.watched})
	if err == nil {
		err = os.WriteFile(filepath.Join(r.dir, "config"), b, 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// start starts the service, and waits until it serves.
func (r *router) start(links ...radvd.Link) {
	r.t.Helper()
	r.write(links...)
	r.Process = r.net.Start(exec.Command("/proc/self/exe", "role-radvd", r.dir))
	r.await("READY")
	testnet.Eventually(r.t, 20*time.Second, "it advertises", func() bool { return r.status().LANs[0].Up })
}

func (r *router) reconfigure(links ...radvd.Link) {
	r.t.Helper()
	r.write(links...)
	r.Signal(syscall.SIGHUP)
	r.await("another configuration: <nil>")
}

func (r *router) await(text string) {
	r.t.Helper()
	testnet.Eventually(r.t, 20*time.Second, "the service says "+text, func() bool { return contains(r.Output(), text) })
}

// end ends the service by a signal.
func (r *router) end(s syscall.Signal) {
	r.t.Helper()
	r.Signal(s)
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	if err := r.Wait(ctx); errors.Is(err, context.DeadlineExceeded) || s == syscall.SIGTERM && err != nil {
		r.t.Fatalf("it ended with %v", err)
	}
}

func (r *router) status() (s Status) {
	r.t.Helper()
	if err := control.Call(r.t.Context(), r.dir, "radvd", "status", nil, &s); err != nil {
		r.t.Fatal(err)
	}
	return s
}

package nethost

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// script is what iPXE runs, published as boot.ipxe.
//
//go:embed boot.ipxe
var script string

// iscsiPort is the port of iSCSI targets (RFC 7143, section 4.1).
const iscsiPort = 3260

// Store is the machine that hosts boot from: an iSCSI target for one disk and an HTTP server.
type Store struct {
	tgtd  *exec.Cmd
	ended chan error // of tgtd
	http  *http.Server
	env   []string
}

// Offer is what a store has for one host. Its target is made by Run.
type Offer struct {
	Do   func(func() error) error // runs a function in the network namespace of the store
	Addr netip.Addr               // of the store
	Host Host                     // its kernel, initramfs and the script are published at http://Addr/
	Dir  string                   // for control sockets
}

// StartStore starts a store. The end of ctx ends it, and so does Close.
func StartStore(ctx context.Context, o Offer) (*Store, error) {
	for _, program := range []string{"tgtd", "tgtadm"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is missing: apt-get install tgt", program)
		}
	}
	// Beside its iSCSI port tgtd has a control socket, which another tgtd on this machine must not share.
	s := &Store{env: append(os.Environ(), "TGT_IPC_SOCKET="+filepath.Join(o.Dir, "tgtd"))}
	if err := s.serveHTTP(o); err != nil {
		return nil, fmt.Errorf("store: HTTP: %w", err)
	}
	if err := s.startTarget(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("store: start tgtd: %w", err), s.http.Close())
	}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store: iSCSI: %w", err), s.Close())
	}
	return s, nil
}

// Close ends the store.
func (s *Store) Close() error {
	err := s.http.Close()
	// It does not end on SIGTERM while a host is logged in.
	_ = s.tgtd.Process.Kill()
	<-s.ended
	return err
}

// startTarget starts tgtd. The kernel kills it when the thread that started it ends, which therefore waits
// for it: tgtd does not outlive a test that is killed.
func (s *Store) startTarget(ctx context.Context, o Offer) error {
	s.tgtd = exec.CommandContext(ctx, "tgtd", "-D", "--iscsi",
		"portal="+netip.AddrPortFrom(o.Addr, iscsiPort).String())
	s.tgtd.Env, s.tgtd.SysProcAttr = s.env, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	s.ended = make(chan error, 1)
	go func() {
		s.ended <- o.Do(func() error {
			err := s.tgtd.Start()
			started <- err
			if err == nil {
				err = s.tgtd.Wait()
			}
			return err
		})
	}()
	select {
	case err := <-started:
		return err
	case err := <-s.ended: // the namespace could not be entered
		return err
	}
}

// serveHTTP publishes the three files that every host needs.
func (s *Store) serveHTTP(o Offer) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /boot.ipxe", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "boot.ipxe", time.Time{}, strings.NewReader(script))
	})
	for name, file := range map[string]string{"vmlinuz": o.Host.Kernel, "initrd": o.Host.Initrd} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, file)
		})
	}
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	return o.Do(func() error {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(o.Addr, 80).String())
		if err == nil {
			go func() { _ = s.http.Serve(listener) }() // until Close
		}
		return err
	})
}

// ready waits for tgtd to listen to commands.
func (s *Store) ready(ctx context.Context) error {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := s.Run(ctx, "", "exec tgtadm --lld iscsi --op show --mode system")
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
	}
}

// Run runs a script of tgtadm's commands in a directory, as who keeps the store would. It returns what it
// says.
func (s *Store) Run(ctx context.Context, dir, script string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-e", "-s", "--"}, args...)...)
	cmd.Env, cmd.Dir, cmd.Stdin = s.env, dir, strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return string(out), nil
}

package unit

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
)

// Problems is the control method by which every unit says what is wrong with it: a list of sentences for
// people.
const Problems = "problems"

// A Service serves from its Config.
type Service interface {
	// Run calls drop once what needs privilege is open, and ready once it serves; then it serves until ctx
	// ends.
	Run(ctx context.Context, drop, ready func() error) error
	// Methods are what it answers on its control socket; control.Ping and Problems are among them.
	Methods() control.Mux
}

// A Reconfigurer is a Service that takes another Config while it serves. With an error it serves as before.
type Reconfigurer[C any] interface{ Reconfigure(C) error }

// Options are what a service gets beside its Config.
type Options struct {
	Log      *slog.Logger
	StateDir string               // of the roster
	Uptime   func() time.Duration // since the kernel started, whatever happens to the clock
	Changed  <-chan struct{}      // tells that links or addresses may have changed
}

// A Self is a unit as it knows itself: what init gave it, and what the program that it is part of knows.
type Self struct {
	roster.Service
	Config  io.ReaderAt     // descriptor 0
	Answer  io.Writer       // descriptor 3
	Reload  <-chan struct{} // SIGHUP
	RunDir  string          // of the control sockets
	Log     *slog.Logger
	Uptime  func() time.Duration
	Changed <-chan struct{}
}

func (p Self) options() Options { return Options{p.Log, p.StateDir, p.Uptime, p.Changed} }

// A Main is the program of a service.
type Main func(ctx context.Context, p Self) error

// Of is the Main of a service that open makes from its Config.
func Of[C any, S Service](open func(C, Options) (S, error)) Main {
	return func(ctx context.Context, p Self) error {
		var config C
		taken, err := p.read(&config)
		if err != nil {
			return err
		}
		service, err := open(config, p.options())
		if err != nil {
			return err
		}
		var reload func() error
		if r, ok := any(service).(Reconfigurer[C]); ok {
			reload = func() error {
				var next C
				wanted, err := p.read(&next)
				if err != nil {
					return err
				}
				// What was refused has changed nothing: init that goes back from it asks for what is there,
				// and must get it, whatever stands in the way of anything else.
				if wanted == taken {
					return nil
				}
				if err := r.Reconfigure(next); err != nil {
					return err
				}
				taken = wanted
				return nil
			}
		}
		return p.serve(ctx, service, reload)
	}
}

// serve runs the service and answers init and whoever asks, until ctx ends or the service does. reload is nil
// for one that does not.
func (p Self) serve(ctx context.Context, s Service, reload func() error) error {
	methods := s.Methods()
	if methods[control.Ping] == nil || methods[Problems] == nil {
		return fmt.Errorf("%s does not answer %s and %s", p.Name, control.Ping, Problems)
	}
	if p.Reloads && reload == nil {
		return fmt.Errorf("%s has no Reconfigure, but the roster says that it reloads", p.Name)
	}
	l, err := control.Listen(p.RunDir, p.Name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	answered, reloading := make(chan error, 1), make(chan struct{})
	go func() { answered <- control.Serve(ctx, l, methods) }()
	started := make(chan struct{})
	go Tidy(ctx)
	go func() {
		defer close(reloading)
		p.reload(ctx, started, reload)
	}()
	ready := func() error {
		close(started)
		return p.answer(nil)
	}
	err = s.Run(ctx, p.drop, ready)
	cancel()
	<-reloading
	return errors.Join(err, <-answered)
}

// reload takes another Config whenever init says so, once the service has started.
func (p Self) reload(ctx context.Context, started <-chan struct{}, reload func() error) {
	select {
	case <-started:
	case <-ctx.Done():
		return
	}
	for {
		debug.FreeOSMemory() // what a Config was read into, and the one before it, are no longer needed
		select {
		case <-ctx.Done():
			return
		case <-p.Reload:
		}
		err := errNotReloaded
		if reload != nil {
			err = reload()
		}
		if err != nil {
			p.Log.Error("another configuration is refused, the one before it stays", "cause", err)
		}
		if err := p.answer(err); err != nil {
			p.Log.Error(err.Error())
		}
	}
}

// answer tells init how the service took its Config.
func (p Self) answer(refused error) error {
	a := Answer{}
	if refused != nil {
		a.Refused = refused.Error()
	}
	if _, err := fmt.Fprintln(p.Answer, a); err != nil {
		return fmt.Errorf("telling init that %s is ready: %w", p.Name, err)
	}
	return nil
}

// A sum stands for the text of a Config. Init writes equal ones alike, and to keep one itself would be
// megabytes.
type sum [sha256.Size]byte

// read decodes the Config as it is now. A field that the service does not know means that plan and service
// are of different builds.
func (p Self) read(config any) (sum, error) {
	hash := sha256.New()
	text := io.TeeReader(io.NewSectionReader(p.Config, 0, 1<<62), hash)
	d := json.NewDecoder(text)
	d.DisallowUnknownFields()
	err := d.Decode(config)
	if err == nil {
		_, err = io.Copy(io.Discard, text) // whatever the decoder has not looked at
	}
	if err != nil {
		return sum{}, fmt.Errorf("the configuration on descriptor 0: %w", err)
	}
	return sum(hash.Sum(nil)), nil
}

// drop gives up everything but what the roster says, for good. A service that stays root stays as it is.
func (p Self) drop() error {
	if p.UID == 0 {
		return nil
	}
	id := privdrop.Identity{UID: p.UID, GID: p.UID, Caps: p.Caps}
	for _, dir := range p.Reads {
		if _, err := os.Stat(dir); err == nil { // of a service that this site has
			id.ReadPaths = append(id.ReadPaths, dir)
		}
	}
	if p.StateDir != "" {
		id.WritePaths = []string{p.StateDir}
	}
	return privdrop.Drop(id)
}

// Package userland builds the appliance's two static programs: gatehouse, which is init, the services and
// whatever speaks to a network, and userland, which is the shell and all other commands. The programs are the
// same whoever builds them, where and when, as long as the sources and the Go version are the same; their
// build information lists every module.
package userland

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The names of the programs, on the appliance too.
const (
	Gatehouse = "gatehouse"
	Userland  = "userland"
)

func programs() []string { return []string{Gatehouse, Userland} }

// Options say what to build from, and where to.
type Options struct {
	Source   string    // root directory of this module's source
	Output   string    // the directory that the programs are put into, by their names
	Progress io.Writer // a line for each step that takes longer than a moment; nil for none
}

// Build writes the programs to o.Output, for linux/amd64, and returns for each the sorted names of the
// commands in it.
func Build(ctx context.Context, o Options) (map[string][]string, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	source, err := filepath.Abs(o.Source)
	if err != nil {
		return nil, err
	}
	if err := link(ctx, goCommand{dir: source}, o); err != nil {
		return nil, fmt.Errorf("building the programs: %w", err)
	}
	all := map[string][]string{}
	for _, p := range programs() {
		if all[p], err = names(ctx, filepath.Join(o.Output, p)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// names asks a program, which builder and appliance alike can run, what it may be called by.
func names(ctx context.Context, program string) ([]string, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, program, "names").Output()
	if err != nil {
		return nil, fmt.Errorf("asking the new program %s for its names: %w", filepath.Base(program), err)
	}
	return strings.Fields(string(out)), nil
}

// link has the go command make the programs. Nothing of the machine enters one: neither paths, nor the state
// of the repository, nor a build ID. Functions begin at multiples of 16 bytes: those of 32, the linker's own,
// take more room.
func link(ctx context.Context, g goCommand, o Options) error {
	output, err := filepath.Abs(o.Output)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return err
	}
	fmt.Fprintln(o.Progress, "building the programs")
	args := append([]string{"build", "-trimpath"}, forSize()...)
	args = append(args, "-ldflags", "-s -w -buildid= -funcalign=16", "-o", output+string(filepath.Separator))
	for _, p := range programs() {
		args = append(args, "./appliance/cmd/"+p)
	}
	return g.run(ctx, args...)
}

// forSize are the arguments by which packages are compiled without inlining, which makes their code smaller
// by a tenth: those of others in which no packet and no query spends time. Most of gRPC, protobuf, QUIC and
// the metrics, which CoreDNS brings along, is never run here at all.
func forSize() []string {
	var args []string
	for _, pattern := range []string{
		"github.com/pelletier/...",
		"github.com/vishvananda/...", "github.com/opentracing/...", "github.com/prometheus/...",
		"github.com/quic-go/...", "google.golang.org/...",
	} {
		args = append(args, "-gcflags="+pattern+"=-l")
	}
	return args
}

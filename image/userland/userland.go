// Package userland builds the appliance's one static binary: command gatehouse with the u-root commands in
// it.
//
// Which commands these are is said once, by the tool lines of go.mod below github.com/u-root/u-root/cmds.
// u-root's own cmd2pkg makes a package of each, whose Main does what the command's main did; the packages go
// to a cache and enter the build as an overlay, so nothing generated lies in the source tree, and building
// or testing the module by itself needs none of it. The binary is the same whoever builds it, where and when,
// as long as the sources and the Go version are the same; its build information lists every module.
package userland

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Options say what to build from, and where to.
type Options struct {
	Source   string    // root directory of this module's source
	CacheDir string    // keeps the packages made of the u-root commands
	Output   string    // the file that becomes the binary
	Progress io.Writer // a line for each step that takes longer than a moment; nil for none
}

// Build writes the binary to o.Output, for linux/amd64, and returns the sorted names of the commands in it.
// The first build for a go.mod takes about a minute, a later one as long as the linker.
func Build(ctx context.Context, o Options) ([]string, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	source, err := filepath.Abs(o.Source)
	if err != nil {
		return nil, err
	}
	g := goCommand{dir: source}
	commands, err := g.commands(ctx)
	if err != nil {
		return nil, err
	}
	generated, err := packages(ctx, g, commands, o)
	if err != nil {
		return nil, fmt.Errorf("making packages of the u-root commands: %w", err)
	}
	files, err := overlay(source, generated, commands)
	if err != nil {
		return nil, err
	}
	if err := link(ctx, g, files, o); err != nil {
		return nil, fmt.Errorf("building the userland: %w", err)
	}
	return names(ctx, o.Output)
}

// names asks the binary, which builder and appliance alike can run, what it may be called by.
func names(ctx context.Context, binary string) ([]string, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, "names")
	cmd.Args[0] = "gatehouse"
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking the new binary for the names of its commands: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// link builds with the overlay. Nothing of the machine enters the binary: neither paths, nor the state of the
// repository, nor a build ID.
func link(ctx context.Context, g goCommand, files map[string]string, o Options) error {
	list, err := json.Marshal(struct{ Replace map[string]string }{files})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-overlay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, list, 0o600); err != nil {
		return err
	}
	output, err := filepath.Abs(o.Output)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.Progress, "building the userland")
	_, err = g.run(ctx, "build", "-overlay", name, "-trimpath",
		"-ldflags", "-s -w -buildid=", "-o", output, "./"+mainDir)
	return err
}

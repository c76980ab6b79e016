package userland

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// buildTags choose the tables with the u-root commands in them; of packages that import gRPC, the half that
// lets the linker leave out unused methods; and net/http without HTTP/2, which only wget and curl would speak, and which
// they do not need (0.34 MB). A client of DNS over HTTPS would need it: not every resolver speaks HTTP/1.1.
const buildTags = "userland,grpcnotrace,nethttpomithttp2"

// goCommand runs the go command in the module, with an environment in which only what concerns the machine
// (where caches and proxies are) is the user's own.
type goCommand struct{ dir string }

func (g goCommand) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "CGO_ENABLED=0",
		"GO111MODULE=on", "GOWORK=off", "GOFLAGS=-buildvcs=false -tags="+buildTags, "GOEXPERIMENT=", "GODEBUG=", "GOFIPS140=off")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

// A command is the import path of a u-root command.
type command string

const (
	commandRoot = "github.com/u-root/u-root/cmds/"
	generator   = commandRoot + "exp/cmd2pkg"
)

func (c command) name() string { return path.Base(string(c)) }

// below returns the path below commandRoot: core/ls.
func (c command) below() string { return strings.TrimPrefix(string(c), commandRoot) }

// commands returns the u-root commands that are tools of the module, sorted by name.
func (g goCommand) commands(ctx context.Context) ([]command, error) {
	out, err := g.run(ctx, "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	return parseTools(out)
}

// reaching returns the commands that import pkg, however far.
func (g goCommand) reaching(ctx context.Context, commands []command, pkg string) (map[command]bool, error) {
	args := []string{"list", "-f", "{{.ImportPath}} {{join .Deps \" \"}}"}
	for _, c := range commands {
		args = append(args, string(c))
	}
	out, err := g.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	reach := map[command]bool{}
	for line := range strings.Lines(string(out)) {
		if all := strings.Fields(line); slices.Contains(all[1:], pkg) {
			reach[command(all[0])] = true
		}
	}
	return reach, nil
}

func parseTools(modJSON []byte) ([]command, error) {
	var mod struct{ Tool []struct{ Path string } }
	if err := json.Unmarshal(modJSON, &mod); err != nil {
		return nil, fmt.Errorf("go mod edit -json: %w", err)
	}
	var commands []command
	for _, t := range mod.Tool {
		if strings.HasPrefix(t.Path, commandRoot) && t.Path != generator {
			commands = append(commands, command(t.Path))
		}
	}
	slices.SortFunc(commands, func(a, b command) int { return strings.Compare(a.name(), b.name()) })
	for i, c := range commands[min(1, len(commands)):] {
		if c.name() == commands[i].name() {
			return nil, fmt.Errorf("go.mod: two tools are called %s: %s and %s", c.name(), commands[i], c)
		}
	}
	return commands, nil
}

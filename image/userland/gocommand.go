package userland

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
)

// buildTags choose, of packages that import gRPC, the half that lets the linker leave out unused methods; and
// net/http without HTTP/2, which only wget and curl would speak, and which they do not need (0.34 MB). A
// client of DNS over HTTPS would need it: not every resolver speaks HTTP/1.1.
const buildTags = "grpcnotrace,nethttpomithttp2"

// goCommand runs the go command in the module, with an environment in which only what concerns the machine
// (where caches and proxies are) is the user's own.
type goCommand struct{ dir string }

func (g goCommand) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "CGO_ENABLED=0",
		"GO111MODULE=on", "GOWORK=off", "GOFLAGS=-buildvcs=false -tags="+buildTags, "GOEXPERIMENT=",
		"GODEBUG=", "GOFIPS140=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return nil
}

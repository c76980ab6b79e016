package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
)

// inputs is everything that decides about the bytes of the kernel.
type inputs struct {
	Source    string // hash
	Arch      string
	Toolchain string   // what compiler, linker and compressor say they are
	Recipe    []string // the commands and settings of build.go
	Fragments []string // names and options of all fragment files
}

// key names the kernel that is built from these inputs: a different input, a different key.
func (in inputs) key() string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%q", in)))
	return hex.EncodeToString(sum[:16])
}

// gatherInputs hashes what a build of source would read; memoDir keeps the hash of a tarball.
func gatherInputs(ctx context.Context, source sourceCode, fragmentFS fs.FS, memoDir string) (inputs, error) {
	digest, err := source.digest(memoDir)
	if err != nil {
		return inputs{}, fmt.Errorf("kernel source: %w", err)
	}
	fragments, err := fragmentLines(fragmentFS)
	if err != nil {
		return inputs{}, err
	}
	toolchain, err := toolchain(ctx)
	return inputs{
		Source:    digest,
		Arch:      runtime.GOARCH,
		Toolchain: toolchain,
		Recipe:    recipe(),
		Fragments: fragments,
	}, err
}

// fragmentLines is the name and the options of every fragment file, also of those for other kernel versions:
// the version is known only once the source is unpacked. A changed comment changes no kernel.
func fragmentLines(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "config/*.config")
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range names {
		options, err := readFragmentFile(fsys, name)
		if err != nil {
			return nil, err
		}
		lines = append(lines, name)
		for _, o := range options {
			lines = append(lines, o.line())
		}
	}
	return lines, nil
}

// toolchain is the versions of the programs whose output ends up in the kernel.
func toolchain(ctx context.Context) (string, error) {
	var text strings.Builder
	for _, command := range []string{"gcc --version", "gcc -dumpmachine", "ld --version",
		compressor + " --version"} {
		words := strings.Fields(command)
		out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s: %w\n%s", command, err, out)
		}
		text.Write(out)
	}
	return text.String(), nil
}

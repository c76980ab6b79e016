package kernel

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A source tree whose make is quick: it configures by taking the fragment over, "compiles" two files, and
// its kernel is the header of a bzImage. What it is told and where it runs is written to env.txt.
const toyMakefile = `VERSION = 6
PATCHLEVEL = 1
mrproper:
	rm -f left-over
allnoconfig:
	cp $(KCONFIG_ALLCONFIG) .config
bzImage:
	@test ! -e left-over
	@echo "  CC      init/main.o"
	@echo "  CC      init/version.o"
	env | sort
	mkdir -p arch/x86/boot
	cp header arch/x86/boot/bzImage
`

// bzHeader is the start of a bzImage of the given version.
func bzHeader(version string) []byte {
	b := make([]byte, 0x300)
	copy(b[headerMagicAt:], "HdrS")
	b[kernelVersionAt], b[kernelVersionAt+1] = 0x40, 0
	copy(b[kernelVersionOff+0x40:], version+" (gatehouse@gatehouse) #1 SMP\x00")
	return b
}

// toyTree makes such a tree with the Makefile changed by the pairs of old and new text.
func toyTree(t *testing.T, replace ...string) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"Kbuild":    "",
		"left-over": "of a build by the owner of the tree",
		"Makefile":  strings.NewReplacer(replace...).Replace(toyMakefile),
		"header":    string(bzHeader("6.1.192-gatehouse")),
	})
	return dir
}

func TestBuild(t *testing.T) {
	t.Setenv("CFLAGS", "-O0") // must not reach the compiler
	tree, cacheDir := toyTree(t), t.TempDir()
	var progress bytes.Buffer
	o := Options{Source: tree, CacheDir: cacheDir, Jobs: 1, Progress: &progress}
	first, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if first.Version != "6.1.192-gatehouse" || len(first.ConfigHash) != 64 {
		t.Errorf("got %+v", first)
	}
	image, err := os.ReadFile(first.Path)
	if err != nil || !bytes.Equal(image, bzHeader("6.1.192-gatehouse")) {
		t.Errorf("image: %d bytes, %v", len(image), err)
	}
	config, err := os.ReadFile(first.Config)
	if err != nil || !bytes.Contains(config, []byte("CONFIG_XEN_PVH=y\n")) {
		t.Errorf("config: %d bytes, %v", len(config), err)
	}
	for _, want := range []string{"unpacking", "configuring Linux 6.1\n", "compiling"} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("progress lacks %q:\n%s", want, &progress)
		}
	}
	log := buildLog(t, cacheDir)
	if strings.Contains(log, "CFLAGS") || !strings.Contains(log, "KBUILD_BUILD_HOST=gatehouse\n") {
		t.Errorf("the compiler's environment:\n%s", log)
	}
	if left, _ := filepath.Glob(filepath.Join(cacheDir, "kernel", "*.work")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := os.Stat(filepath.Join(tree, "left-over")); err != nil {
		t.Errorf("the caller's tree was touched: %v", err)
	}

	progress.Reset()
	if again, err := Build(t.Context(), o); err != nil || again != first || progress.Len() > 0 {
		t.Errorf("the second time: %+v, %v, %q", again, err, &progress)
	}
	writeFiles(t, tree, map[string]string{"init/main.c": "changed"})
	if other, err := Build(t.Context(), o); err != nil || other.Path == first.Path {
		t.Errorf("a changed source: %+v, %v", other, err)
	}
}

// buildLog returns the only log in the cache.
func buildLog(t *testing.T, cacheDir string) string {
	t.Helper()
	logs, _ := filepath.Glob(filepath.Join(cacheDir, "kernel", "*.log"))
	if len(logs) != 1 {
		t.Fatalf("logs: %q", logs)
	}
	text, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBuildFailsWhenTheFragmentDoesNotTakeEffect(t *testing.T) {
	tree := toyTree(t, "cp $(KCONFIG_ALLCONFIG) .config", "grep -v CONFIG_XEN_PVH= $(KCONFIG_ALLCONFIG) > .config")
	_, err := Build(t.Context(), Options{Source: tree, CacheDir: t.TempDir()})
	var wrong FragmentError
	if !errors.As(err, &wrong) || len(wrong) != 1 || wrong[0].Option != "CONFIG_XEN_PVH" {
		t.Errorf("got %v", err)
	}
}

func TestBuildShowsTheEndOfTheLog(t *testing.T) {
	cacheDir := t.TempDir()
	tree := toyTree(t, "\tenv | sort\n", "\t@for i in $$(seq 100); do echo \"line $$i.\"; done; exit 3\n")
	_, err := Build(t.Context(), Options{Source: tree, CacheDir: cacheDir, Jobs: 1})
	var failed *MakeError
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if lines := strings.Count(failed.Tail, "\n") + 1; lines != logTail {
		t.Errorf("%d lines", lines)
	}
	if !strings.Contains(failed.Tail, "line 100.") || strings.Contains(failed.Tail, "line 70.") {
		t.Errorf("the tail:\n%s", failed.Tail)
	}
	if log := buildLog(t, cacheDir); !strings.Contains(log, "line 1.\n") || !strings.Contains(err.Error(), failed.Log) {
		t.Errorf("the log:\n%s\nthe error: %v", log, err)
	}
	done, _ := filepath.Glob(filepath.Join(cacheDir, "kernel", "*", recordName))
	if len(done) > 0 {
		t.Errorf("a failed build is in the cache: %q", done)
	}
}

func TestBuildNamesADirectoryThatMakeRefuses(t *testing.T) {
	cacheDir := filepath.Join(t.TempDir(), "my cache")
	_, err := Build(t.Context(), Options{Source: toyTree(t), CacheDir: cacheDir})
	if err == nil || !strings.Contains(err.Error(), "without spaces") || !strings.Contains(err.Error(), "my cache") {
		t.Errorf("got %v", err)
	}
}

func TestBuildEndsWithItsContext(t *testing.T) {
	tree := toyTree(t, "\tenv | sort\n", "\tsleep 600\n")
	ctx, cancel := context.WithCancel(t.Context())
	progress := writerFunc(func(text []byte) {
		if bytes.Contains(text, []byte("compiling")) {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
	})
	cacheDir := t.TempDir()
	_, err := Build(ctx, Options{Source: tree, CacheDir: cacheDir, Progress: progress})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(cacheDir, "kernel", "*.work")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) { f(b); return len(b), nil }

func TestBuildersShareACache(t *testing.T) {
	counter := filepath.Join(t.TempDir(), "builds")
	tree := toyTree(t, "\tenv | sort\n", "\techo built >> "+counter+"\n\tsleep 0.2\n")
	cacheDir := t.TempDir()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := Build(t.Context(), Options{Source: tree, CacheDir: cacheDir}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if text, err := os.ReadFile(counter); err != nil || string(text) != "built\n" {
		t.Errorf("built %q times, %v", text, err)
	}
}

func TestDamagedCacheIsBuiltAnew(t *testing.T) {
	o := Options{Source: toyTree(t), CacheDir: t.TempDir()}
	good, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string]func() error{
		"truncated image": func() error { return os.Truncate(good.Path, 0x280) },
		"empty image":     func() error { return os.Truncate(good.Path, 0) },
		"other config":    func() error { return os.WriteFile(good.Config, nil, 0o644) },
		"no record":       func() error { return os.Remove(filepath.Join(filepath.Dir(good.Path), recordName)) },
	}
	for name, do := range damage {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if again, err := Build(t.Context(), o); err != nil || again != good {
			t.Errorf("%s: %+v, %v", name, again, err)
		}
		if image, err := os.ReadFile(good.Path); err != nil || !bytes.Equal(image, bzHeader(good.Version)) {
			t.Errorf("%s: still damaged, %v", name, err)
		}
	}
}

func TestWorkOfKilledBuildsIsRemoved(t *testing.T) {
	cacheDir := t.TempDir()
	writeFiles(t, cacheDir, map[string]string{"kernel/dead.work/linux/Makefile": "", "kernel/alive.work/linux/Makefile": ""})
	alive, err := (cache{filepath.Join(cacheDir, "kernel")}).lock(t.Context(), "alive", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	if _, err := Build(t.Context(), Options{Source: toyTree(t), CacheDir: cacheDir}); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(cacheDir, "kernel", "*.work"))
	if len(left) != 1 || filepath.Base(left[0]) != "alive.work" {
		t.Errorf("left: %q", left)
	}
}

func TestReadyImage(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"bzImage": string(bzHeader("6.12.1-mine")), "vmlinux": "\x7fELF", "short": "HdrS"})
	got, err := Build(t.Context(), Options{Image: filepath.Join(dir, "bzImage")})
	if want := (Result{Path: filepath.Join(dir, "bzImage"), Version: "6.12.1-mine"}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, name := range []string{"vmlinux", "short", "none"} {
		if got, err := Build(t.Context(), Options{Image: filepath.Join(dir, name)}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

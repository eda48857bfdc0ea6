// SPDX-License-Identifier: MIT

// Package ci checks the rules of this repository that no tool knows.
package ci

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/weft-go/weft"

// mayImport lists the packages of this module that each top-level folder may import, tests apart.
var mayImport = map[string][]string{
	"promise":  {"promise"},
	"csrc":     {},
	"uv":       {"csrc", "uv"},
	"io":       {"promise", "uv"},
	"wefttest": {"promise", "io", "uv"},
	"examples": {"promise", "io", "uv"},
	"ci":       {"promise", "io", "uv"},
	"internal": {"internal", "promise", "io"}, // what only tests import or run
}

// imports returns each import of a Go file with the name it is given.
func imports(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	require.NoError(t, err)
	found := map[string]string{}
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		require.NoError(t, err)
		found[p] = ""
		if i.Name != nil {
			found[p] = i.Name.Name
		}
	}
	return found
}

// files calls f with each file of the repository, its nested modules apart.
func files(t *testing.T, f func(path string)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			if err == nil && d.Name() != ".git" { // a file in a worktree
				f(path)
			}
			return err
		}
		_, err = os.Stat(filepath.Join(path, "go.mod"))
		if path != ".." && (err == nil || d.Name() == ".git" || d.Name() == "build") {
			return filepath.SkipDir
		}
		return nil
	}))
}

// goFiles calls f with each Go file of the repository.
func goFiles(t *testing.T, f func(path string)) {
	t.Helper()
	files(t, func(path string) {
		if strings.HasSuffix(path, ".go") {
			f(path)
		}
	})
}

func folder(path string) string {
	return strings.Split(filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator))), "/")[0]
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	seen := 0
	goFiles(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		allowed, ok := mayImport[folder(path)]
		assert.True(t, ok, "%s: no rule says what this folder may import", path)
		seen++
		for p := range imports(t, path) {
			if inside, ok := strings.CutPrefix(p, module+"/"); ok {
				assert.Contains(t, allowed, strings.Split(inside, "/")[0], path)
			} else if folder(path) == "csrc" {
				assert.Equal(t, "embed", p, path)
			} else if folder(path) != "examples" && folder(path) != "internal" {
				assert.False(t, strings.Contains(strings.Split(p, "/")[0], ".") && !strings.HasPrefix(p, "golang.org/x/sys"),
					"%s imports %s: outside tests, only std and golang.org/x/sys", path, p)
			}
		}
	})
	assert.Greater(t, seen, 40)
}

func TestCgoIsInPackageUVOnly(t *testing.T) {
	goFiles(t, func(path string) {
		if _, cgo := imports(t, path)["C"]; cgo && !strings.Contains(path, "testdata") { // a C program's library is cgo by nature
			assert.Equal(t, "uv", folder(path), path)
		}
	})
}

func TestPackageIOIsAlwaysImportedAsWeftio(t *testing.T) {
	goFiles(t, func(path string) {
		if name, ok := imports(t, path)[module+"/io"]; ok {
			assert.Equal(t, "weftio", name, path)
		}
	})
}

func TestRootModuleRequiresOnlyTestifyAndSys(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	for line := range strings.Lines(string(mod)) {
		if strings.Contains(line, "// indirect") || !regexp.MustCompile(`^\s*(require )?\S+\.\S+/\S+ v`).MatchString(line) {
			continue
		}
		assert.Regexp(t, `(github\.com/stretchr/testify|golang\.org/x/sys) v`, line)
	}
}

func TestFilesNameNoMachineAndLeaveNothingToDoNow(t *testing.T) {
	bad := regexp.MustCompile(`TODO\(now\)|FIXME|/(tmp|root|home|work)/[a-z]`)
	files(t, func(path string) {
		if strings.HasSuffix(path, "arch_test.go") {
			return
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Empty(t, bad.FindString(string(text)), path)
	})
}

func TestSourcesNameTheirLicenseFirst(t *testing.T) {
	source := regexp.MustCompile(`\.(go|c|h)$|^\.\./\.?ci/[a-z]+$|/check$`)
	files(t, func(path string) {
		// Programs under examples are shown as they are, without it.
		if p := filepath.ToSlash(path); !source.MatchString(p) || folder(path) == "examples" && strings.HasSuffix(p, ".go") {
			return
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		head, _, _ := strings.Cut(strings.TrimPrefix(string(text), "#!/usr/bin/env bash\n"), "\n")
		assert.Contains(t, head, "SPDX-License-Identifier: MIT", path)
	})
}

func TestTheREADMEShowsTheRequestProgram(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	program, err := os.ReadFile("../examples/request/main.go")
	require.NoError(t, err)
	assert.Contains(t, string(readme), strings.TrimSpace(string(program)))
}

package models

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheFileIsItsOwnersAlone looks at what stands beside a new database; one that is there keeps its mode.
func TestTheFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "punctual.db")
	modes := func(when string, want os.FileMode) {
		t.Helper()
		s, err := Open(t.Context(), Config{Database: "sqlite:" + path})
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) < 3 {
			t.Fatalf("%v, %v", files, err)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if file != path+".lock" && info.Mode().Perm() != want {
				t.Errorf("%s, %s is %v", when, filepath.Base(file), info.Mode())
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	modes("new", 0o600)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	modes("there already", 0o640)
}

// TestALinkToTheFileIsTheFile opens a database by links to it, before it is there and after: it is locked whatever it is called.
func TestALinkToTheFileIsTheFile(t *testing.T) {
	dir := t.TempDir()
	names := []string{"real/punctual.db", "link.db", "chain.db", "folder/punctual.db"}
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link.db": "real/punctual.db", "chain.db": filepath.Join(dir, "link.db"), "folder": "real"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, first := range []string{"chain.db", "real/punctual.db"} {
		s, err := Open(t.Context(), Config{Database: "sqlite:" + filepath.Join(dir, first)})
		if err != nil {
			t.Fatal(err)
		}
		for _, second := range names {
			if _, err := Open(t.Context(), Config{Database: "sqlite:" + filepath.Join(dir, second)}); !errors.Is(err, ErrLocked) {
				t.Errorf("%s while %s is open: %v, want ErrLocked", second, first, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Lstat(filepath.Join(dir, "real", "punctual.db"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("made behind links, the file is %v", info.Mode())
	}
}

// TestLinksThatGoRound leads nowhere: the error says so, and the search for the file ends.
func TestLinksThatGoRound(t *testing.T) {
	dir := t.TempDir()
	for link, to := range map[string]string{"a.db": "b.db", "b.db": "a.db"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := Open(t.Context(), Config{Database: "sqlite:" + filepath.Join(dir, "a.db")}); err == nil {
		s.Close()
		t.Error("it opened")
	}
}

func TestAFolderThatIsNotThere(t *testing.T) {
	_, err := Open(t.Context(), Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "gone", "punctual.db")})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gone to keep the database in") {
		t.Errorf("%v", err)
	}
}

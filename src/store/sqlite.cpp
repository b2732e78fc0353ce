#include "store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <mutex>
#include <thread>
#include <utility>

#include "store/private_file.h"

namespace usher::store {

namespace {

// Small databases by the hundred: no page memory in advance, no counters behind a global lock.
void configure_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
    sqlite3_initialize();
  });
}

ErrorKind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorKind::corrupt;
    default:
      return ErrorKind::io;
  }
}

}  // namespace

struct Database::State {
  struct Cached {
    const char* sql;
    sqlite3_stmt* statement;
  };

  sqlite3* handle = nullptr;
  std::filesystem::path file;
  std::vector<Cached> statements;
  Durability durability = Durability::normal;
  int busy_ms = 0;
  int autocheckpoint_pages = 0;
  int wal_pages = 0;
  bool is_unsynced = false;  // synchronous is OFF until the next commit

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    finalize_statements();
    sqlite3_close_v2(handle);
  }

  void finalize_statements() {
    for (const Cached& cached : statements) sqlite3_finalize(cached.statement);
    statements = {};
  }

  std::unexpected<Error> error(int code, const char* doing) const {
    const char* message = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    return fail(kind_of(code), fmt::format("{}: {}: {}", file.string(), doing, message));
  }

  // Runs on the committing connection, after the commit.
  static int on_commit(void* state, sqlite3*, const char*, int pages) {
    auto* self = static_cast<State*>(state);
    self->wal_pages = pages;
    self->sync_again();
    if (self->autocheckpoint_pages > 0 && pages >= self->autocheckpoint_pages) self->checkpoint();
    return SQLITE_OK;
  }

  // Never waits for readers.
  int checkpoint() {
    int in_wal = 0;
    int copied = 0;
    int code = sqlite3_wal_checkpoint_v2(handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &copied);
    if (code != SQLITE_OK || in_wal < 0) return code;
    wal_pages = in_wal - copied;
    if (wal_pages > 0 || durability == Durability::full) return code;
    sqlite3_busy_timeout(handle, 0);
    code = sqlite3_wal_checkpoint_v2(handle, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    sqlite3_busy_timeout(handle, busy_ms);
    if (code == SQLITE_OK) begin_log_without_sync();
    return (code & 0xff) == SQLITE_BUSY ? SQLITE_OK : code;
  }

  // The first commit to a log syncs the log's header, milliseconds on the event loop, so that frames of an earlier use
  // of the same file cannot be taken for new ones after a power cut. A log that is empty has none, and NORMAL syncs no
  // other commit: the header of an empty log is written unsynced.
  void begin_log_without_sync() {
    if (durability == Durability::full) return;
    is_unsynced = sqlite3_exec(handle, "PRAGMA synchronous=OFF", nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  void sync_again() {
    if (!is_unsynced) return;
    is_unsynced = sqlite3_exec(handle, "PRAGMA synchronous=NORMAL", nullptr, nullptr, nullptr) != SQLITE_OK;
  }

  bool has_empty_log() const {
    std::error_code error;
    const auto size = std::filesystem::file_size(file.native() + "-wal", error);
    return error || size == 0;
  }

  Result<void> execute(const std::string& sql, const char* doing) {
    const int code = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return error(code, doing);
    return {};
  }

  Result<void> open(const OpenOptions& options) {
    const int mode = options.is_read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int code = sqlite3_open_v2(file.c_str(), &handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    if (code != SQLITE_OK) return error(code, "cannot open");
    durability = options.durability;
    busy_ms = static_cast<int>(options.busy_timeout.count());
    sqlite3_busy_timeout(handle, busy_ms);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, options.checkpoints_on_close ? 0 : 1, nullptr);
    int persist = 1;  // an empty -wal kept is two system calls saved at every close and open
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    autocheckpoint_pages = options.autocheckpoint_pages;
    sqlite3_wal_hook(handle, &State::on_commit, this);
    return set_pragmas(options);
  }

  Result<void> set_pragmas(const OpenOptions& options) {
    std::string pragmas;
    // Before the first look at the WAL, else a shared memory file is made all the same.
    if (options.sharing == Sharing::exclusive && !options.is_read_only) pragmas += "PRAGMA locking_mode=EXCLUSIVE;";
    pragmas +=
        fmt::format("PRAGMA cache_size={};PRAGMA temp_store=MEMORY;PRAGMA foreign_keys=ON;PRAGMA synchronous={};",
                    -options.cache_kib, options.durability == Durability::full ? "FULL" : "NORMAL");
    Result<void> done = execute(pragmas, "cannot open");
    if (!done || options.is_read_only) return done;
    done = enter_wal(options.busy_timeout);
    if (done && has_empty_log()) begin_log_without_sync();
    return done;
  }

  // SQLite does not call the busy handler when two processes change a new file to WAL at once.
  Result<void> enter_wal(std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (true) {
      const int code = sqlite3_exec(handle, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
      if (code == SQLITE_OK) return {};
      if ((code & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() >= until) return error(code, "cannot open");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
};

bool Row::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Row::real(int column) const { return sqlite3_column_double(statement_, column); }
std::string_view Row::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (!bytes) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::filesystem::path& file, const OpenOptions& options) {
  configure_library();
  Result<void> ready = ensure_private_file(file, !options.is_read_only);
  if (!ready) return fail(std::move(ready.error()));
  auto state = std::make_unique<State>();
  state->file = file;
  Result<void> opened = state->open(options);
  if (!opened) return fail(std::move(opened.error()));
  return Database(std::move(state));
}

Result<sqlite3_stmt*> Database::prepare(const char* sql, std::span<const Value> values) {
  sqlite3_stmt* statement = nullptr;
  for (const State::Cached& cached : state_->statements) {
    if (cached.sql == sql) {
      statement = cached.statement;
      break;
    }
  }
  if (!statement) {
    const int code = sqlite3_prepare_v3(state_->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return state_->error(code, sql);
    state_->statements.push_back({sql, statement});
  }
  if (sqlite3_stmt_busy(statement)) return fail(ErrorKind::internal, fmt::format("nested use of a statement: {}", sql));
  if (values.size() != static_cast<std::size_t>(sqlite3_bind_parameter_count(statement))) {
    return fail(ErrorKind::internal, fmt::format("{} values given for: {}", values.size(), sql));
  }
  int index = 0;
  for (const Value& value : values) {
    ++index;
    int code = SQLITE_OK;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      code = sqlite3_bind_int64(statement, index, *integer);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      // A null pointer would bind NULL. STATIC: the views outlive the call, and every call binds all parameters anew.
      code = sqlite3_bind_text64(statement, index, text->data() ? text->data() : "", text->size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    } else if (const auto* real = std::get_if<double>(&value)) {
      code = sqlite3_bind_double(statement, index, *real);
    } else {
      code = sqlite3_bind_null(statement, index);
    }
    if (code != SQLITE_OK) return state_->error(code, sql);
  }
  return statement;
}

Result<bool> Database::step(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return state_->error(code, sqlite3_sql(statement));
}

void Database::reset(sqlite3_stmt* statement) { sqlite3_reset(statement); }

Result<void> Database::run(const char* sql, std::span<const Value> values) {
  Result<sqlite3_stmt*> statement = prepare(sql, values);
  if (!statement) return fail(std::move(statement.error()));
  Resetting resetting{*statement};
  while (true) {
    Result<bool> row = step(*statement);
    if (!row) return fail(std::move(row.error()));
    if (!*row) return {};
  }
}

Result<void> Database::run(const char* sql, std::initializer_list<Value> values) {
  return run(sql, std::span<const Value>(values.begin(), values.size()));
}

Result<void> Database::script(const std::string& sql) { return state_->execute(sql, "script"); }

Result<std::string> empty_image(std::span<const char* const> migrations) {
  configure_library();
  Result<Database> database = Database::open_in_memory();
  if (!database) return fail(std::move(database.error()));
  Result<void> migrated = migrate(*database, migrations);
  if (!migrated) return fail(std::move(migrated.error()));
  return database->image();
}

Result<Database> Database::open_in_memory() {
  auto state = std::make_unique<State>();
  state->file = ":memory:";
  const int code = sqlite3_open_v2(":memory:", &state->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) return state->error(code, "cannot open");
  return Database(std::move(state));
}

Result<std::string> Database::image() const {
  sqlite3_int64 size = 0;
  unsigned char* bytes = sqlite3_serialize(state_->handle, "main", &size, 0);
  if (!bytes || size < 100) {
    sqlite3_free(bytes);
    return state_->error(SQLITE_NOMEM, "cannot serialize");
  }
  // The two version bytes of the file format say 2 for a database in WAL mode.
  bytes[18] = bytes[19] = 2;
  std::string image(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  return image;
}

Result<void> create_from_image(const std::filesystem::path& file, std::string_view image) {
  return create_private_file(file, image);
}

void Database::release_memory() {
  state_->finalize_statements();
  sqlite3_db_release_memory(state_->handle);
}

Result<void> Database::checkpoint() {
  const int code = state_->checkpoint();
  if (code != SQLITE_OK) return state_->error(code, "checkpoint");
  return {};
}

sqlite3* Database::handle() const { return state_->handle; }
int Database::wal_pages() const { return state_->wal_pages; }
bool Database::is_in_transaction() const { return sqlite3_get_autocommit(state_->handle) == 0; }
std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(state_->handle); }
std::int64_t Database::changes() const { return sqlite3_changes64(state_->handle); }
const std::filesystem::path& Database::file() const { return state_->file; }

}  // namespace usher::store

# Prints "file:line: why" for each co_await that does not stand alone: the house rule is one co_await a statement, at its
# start or initialising a named local. Nested temporaries around a suspension are where compilers and readers go wrong.
use strict;
use warnings;

my $parens;
$parens = qr/\((?:[^()]++|(??{$parens}))*\)/;

# Comments, strings and characters become blanks of the same shape, so that lines keep their numbers.
sub bare {
  my ($text) = @_;
  $text =~ s{(R"([^()\\ ]*)\(.*?\)\2"|//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+')}
            { my $s = $1; $s =~ s/[^\n]/ /g; $s }gsex;
  return $text;
}

sub report {
  my ($file, $text, $at, $why) = @_;
  my $line = 1 + (substr($text, 0, $at) =~ tr/\n//);
  print "$file:$line: $why\n";
}

for my $file (@ARGV) {
  open my $in, '<', $file or die "$file: $!";
  local $/;
  my $text = bare(<$in>);
  next unless $text =~ /co_await/;
  while ($text =~ /\b(if|while|switch|for)\s*(?:constexpr\s*)?($parens)/g) {
    my ($word, $at, $condition) = ($1, $-[0], $2);
    report($file, $text, $at, "inside the parentheses of $word") if $condition =~ /\bco_await\b/;
  }
  while ($text =~ /\bco_await\b/g) {
    my $at = $-[0];
    # What precedes it since the last ; { or }, the start of its statement.
    my ($before) = substr($text, 0, $at) =~ /([^;{}]*)\z/s;
    my $outer = substr($text, 0, $at - length $before);
    # Asking the coroutine itself never suspends: asio::steady_timer timer(co_await asio::this_coro::executor) is fine.
    my $suspends = substr($text, pos $text) !~ /\A\s*(?:asio::)?this_coro::/;
    if ($before =~ /\bco_await\b/) { report($file, $text, $at, 'a second co_await in one statement') }
    elsif ($before =~ /\?/) { report($file, $text, $at, 'in a ternary') }
    elsif ($outer =~ /(?:=|return|,|\()\s*\{\z/ || $outer =~ /[A-Za-z0-9_>]\{\z/) { report($file, $text, $at, 'in a brace list') }
    else {
      # A condition before a bare statement is fine: if (x) co_await y;
      my $statement = $before;
      1 while $statement =~ s/\A\s*(?:else\b\s*)?(?:if|while|for|switch)\s*(?:constexpr\s*)?$parens//;
      $statement =~ s/\A\s*(?:else|do|try|default\s*:|case[^:]*:)\s*//;
      next if !$suspends || $statement =~ /\A\s*(?:co_return|\(void\))?\s*\z/;
      next if $statement =~ /[^=!<>]=\s*\z/ && ($statement =~ tr/(//) == ($statement =~ tr/)//);
      report($file, $text, $at, 'not at the start of its statement nor initialising a local');
    }
  }
}

#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the configuration that users copy: conf.example loads, with each of
# its commented defaults active, too; these are the defaults of
# docs/directives.md; and so does every block of nginx configuration in the documents.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('documented configuration')->has('llm_batch');
my $top = "$FindBin::Bin/..";

# conf.example

my $example = slurp("$top/conf.example");

loads($example, 'conf.example');

my %commented = $example =~ /^\s*#(llm_batch\w*)\s+([^;\n]+);$/mg;
my %active = $example =~ /^\s*(llm_batch\w*)\b\s*([^;\n]*);$/mg;

cmp_ok(keys %commented, '>', 10, 'conf.example: commented defaults');

for my $name (sort keys %commented) {
	ok(!exists $active{$name}, "conf.example: $name is not there twice");
	loads($example =~ s/^(\s*)#($name\s)/$1$2/mr,
		"conf.example: the default of $name");
}

loads($example =~ s/^(\s*)#(llm_batch\w*\s)/$1$2/mgr,
	'conf.example: all defaults');

# with its defaults it does not know what is not so

like((check($example =~ s/#(llm_batch_mode)\s+auto/$1 nonsense/r))[1],
	qr/nonsense/, 'conf.example: an error in it is noticed');

# docs/directives.md has the same defaults

my $directives = slurp("$top/docs/directives.md");
my %default = $directives =~ /\*\*Default:\*\*\s+`(llm_batch\w*)\s+([^;`]+);`/g;

for my $name (sort keys %commented) {
	is($commented{$name}, $default{$name} // '',
		"default of $name: as in docs/directives.md");
}

# the blocks in all documents

my %blocks;

for my $file (sort glob "$top/*.md $top/docs/*.md") {
	my ($name) = $file =~ m!([^/]+)$!;
	my @blocks = slurp($file) =~ /^ *```nginx\n(.*?)^ *```$/msg;

	for my $i (1 .. @blocks) {
		loads(whole($blocks[$i - 1]), "$name: block $i");
	}

	$blocks{$name} = @blocks;
}

for my $name (qw/ README directives variables sharing simulator
	caches-and-neighbours /)
{
	cmp_ok($blocks{"$name.md"}, '>=', 1, "$name.md: blocks were found");
}

$t->expect(qr/nonsense/);
$t->done();


sub slurp ($file) {
	open my $fh, '<', $file or die "$file: $!";
	local $/;
	return scalar <$fh>;
}

# what is missing around a piece of configuration

sub whole ($text) {
	return $text if $text =~ /^\s*http\s*\{/m;

	if ($text !~ /^(?:llm_batch_(?:zone|format)|log_format|map|server|upstream)\b/m) {

		if ($text !~ /^location\b/m) {
			$text = "llm_batch zone=llm;\n$text"
				if $text !~ /^\s*llm_batch\s/m;
			$text .= "proxy_pass http://embedder;\n"
				if $text !~ /^\s*(?:proxy_pass|llm_batch_status)\b/m;
			$text = "location / {\n$text}\n";
		}

		$text = "server {\nlisten 8000;\n$text}\n";
	}

	$text = "llm_batch_zone zone=llm:8m;\n$text"
		if $text !~ /^\s*llm_batch_zone\b/m;
	$text = "upstream embedder { server 127.0.0.1:8080; }\n$text"
		if $text !~ /^\s*upstream embedder\b/m;

	return "events {}\nhttp {\n$text}\n";
}

# the module is where the tests have it, and so are logs and addresses

sub check ($text) {
	$text =~ s!^load_module .*?;$!!mg;
	$text =~ s!\blisten(\s+)(\d+)!listen$1%%ADDR%%:$2!g;
	$text =~ s{/var/(?:log|cache)/nginx/}{%%DIR%%/}g;
	$text =~ s!^(http \{)$!$1\n%%GLOBALS_HTTP%%!m;
	$text = "%%GLOBALS%%\n$text";

	$t->write_file_expand('nginx.conf', $text);

	return $t->check_conf();
}

sub loads ($text, $name) {
	my ($rc, $out) = check($text);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($rc, 0, "$name loads") || !diag($out);
}

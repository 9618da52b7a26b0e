"""The names of a theme's colours, which of them may be left out, and what they are then."""

REQUIRED = (
    *("accent", "border", "borderAccent", "borderMuted", "success", "error", "warning"),
    *("muted", "dim", "text", "thinkingText", "selectedBg"),
    *("userMessageBg", "userMessageText", "customMessageBg", "customMessageText", "customMessageLabel"),
    *("toolPendingBg", "toolSuccessBg", "toolErrorBg", "toolTitle", "toolOutput"),
    *("mdHeading", "mdLink", "mdLinkUrl", "mdCode", "mdCodeBlock", "mdCodeBlockBorder"),
    *("mdQuote", "mdQuoteBorder", "mdHr", "mdListBullet"),
    *("toolDiffAdded", "toolDiffRemoved", "toolDiffContext"),
    *("syntaxComment", "syntaxKeyword", "syntaxFunction", "syntaxVariable", "syntaxString"),
    *("syntaxNumber", "syntaxType", "syntaxOperator", "syntaxPunctuation"),
    *("thinkingOff", "thinkingMinimal", "thinkingLow", "thinkingMedium", "thinkingHigh", "thinkingXhigh"),
    "bashMode",
)
INHERITED = {  # a colour that may be left out, and whose value it then has
    "scrollbarTrack": "muted",
    "scrollbarThumb": "text",
    "searchMatchBg": "selectedBg",
    "searchMatchText": "text",
    "thinkingMax": "thinkingXhigh",
}
NAMES = (*REQUIRED, *INHERITED)
EXPORT = ("pageBg", "cardBg", "infoBg")
BACKGROUNDS = (
    *("selectedBg", "searchMatchBg", "userMessageBg", "customMessageBg"),
    *("toolPendingBg", "toolSuccessBg", "toolErrorBg"),
)
THINKING = (
    *("thinkingOff", "thinkingMinimal", "thinkingLow", "thinkingMedium"),
    *("thinkingHigh", "thinkingXhigh", "thinkingMax"),
)
